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
def test_the_bus_or_the_array_is_busy_except_at_both_ends(channels, shape, preset):
    """Beside the first LOAD and the last STORE, within 5 % of what the bus or the array takes."""
    config, pixels = PRESETS[preset], shape[0] * shape[1]
    compiled = compile(pointwise(*shape, channels), config)
    program = program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
    planes, out_planes = -(-channels // config.cols), -(-OUTPUTS // config.cols)
    bus = pixels * (planes + out_planes) + channels * OUTPUTS // config.bus_bytes
    array = pixels * channels * out_planes // config.rows
    ends = pixels * (planes + out_planes) // len(compiled.plans[0].tiles)
    assert run_timing(program).cycles <= 1.05 * (max(bus, array) + ends + STARTUP)
