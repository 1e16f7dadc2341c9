"""Network inputs deeper than a word: they load at the rate of the bus, however deep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from compiler.ir.graph import Graph
from hw.spec.config import PRESETS
from sim.program_reader import program_of
from sim.simulation import run_timing
from tests.compiler.graphs import Net

OUTPUTS = 16
STARTUP = 300
"""Cycles at most for the program's first commands and the latencies of memory."""


def pointwise(height: int, width: int, channels: int) -> Graph:
    net = Net((height, width, channels))
    return net.finish(net.conv("input", OUTPUTS, kernel=(1, 1)))


@pytest.mark.parametrize("shape", ((40, 40), (1, 1600)), ids=("map", "row"))
@pytest.mark.parametrize("channels", (2, 3, 17, 65, 300))
@pytest.mark.parametrize("preset", PRESETS)
def test_the_bus_the_array_or_the_drain_is_busy_except_at_both_ends(channels, shape, preset):
    """Beside the first LOAD and the last STORE, within 5 % of what the busiest part takes."""
    config, pixels = PRESETS[preset], shape[0] * shape[1]
    compiled = compile(pointwise(*shape, channels), config)
    program = program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
    planes, out_planes = -(-channels // config.cols), -(-OUTPUTS // config.cols)
    bus = pixels * (planes + out_planes) + channels * OUTPUTS // config.bus_bytes
    # The addresses of a tap group, here a word of channels, take address_cycles at the least.
    words = [min(config.cols, channels - first) for first in range(0, channels, config.cols)]
    steps = sum(max(word, config.address_cycles) for word in words)
    array = pixels * steps * out_planes // config.rows
    drain = pixels * out_planes * config.beat_cycles // config.requant_words
    ends = pixels * (planes + out_planes) // len(compiled.plans[0].tiles)
    assert run_timing(program).cycles <= 1.05 * (max(bus, array, drain) + ends + STARTUP)
