"""Machines whose bus is narrower than a word: the model of cost counts the bus's cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from hw.spec.config import preset, with_values
from sim.program_reader import program_of
from sim.simulation import run_timing
from tests.compiler.graphs import Net


@pytest.mark.parametrize("bus_bytes", (4, 8, 16, 32))
def test_the_modelled_cycles_of_a_layer_that_waits_for_the_bus_are_near(bus_bytes):
    """Within 15 % of the exact ones; a model with a word per cycle has a third of them at 4."""
    config = with_values(preset("edge256"), {"bus_bytes": bus_bytes})
    net = Net((40, 40, 300))
    compiled = compile(net.finish(net.conv("input", 16, kernel=(1, 1))), config)
    program = program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
    modelled = sum(segment.plan.modelled_cycles for segment in compiled.segments)
    assert modelled == pytest.approx(run_timing(program).cycles, rel=0.15)
