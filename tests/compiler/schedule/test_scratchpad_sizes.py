"""A larger scratchpad never costs cycles."""

from __future__ import annotations

import pytest

from compiler import Estimator, zoo
from compiler.driver import compile
from compiler.ir.randomize import randomize
from hw.spec.config import preset, with_values

SIZES = (1, 2, 4)
"""Scratchpads as multiples of the preset's."""


def cycles(machine: str, name: str) -> list[int]:
    """Cycles of the network with each of the scratchpads."""
    config, graph = preset(machine), zoo.build(name)
    machines = (
        with_values(config, {"scratchpad_bytes": times * config.scratchpad_bytes})
        for times in SIZES
    )
    return [Estimator(machine).cycles(graph) for machine in machines]


def assert_falls(found: list[int]) -> None:
    """No figure is higher than the one before."""
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("machine", "name"),
    (
        ("tiny", "capsule_conv"),
        ("ecp5", "capsule_conv"),
        ("edge256", "capsule_conv"),
        ("edge256", "convfirst_block"),
        ("edge256", "mobilenet_v1_025_dw5x5"),
    ),
)
def test_a_larger_scratchpad_costs_a_small_network_no_cycles(machine, name):
    assert_falls(cycles(machine, name))


@pytest.mark.full
@pytest.mark.parametrize("name", zoo.names())
@pytest.mark.parametrize("machine", ("tiny", "edge256"))
def test_a_larger_scratchpad_costs_no_network_cycles(machine, name):
    assert_falls(cycles(machine, name))


def test_a_network_that_is_planned_for_a_part_of_the_scratchpad_says_so():
    compiled = compile(randomize(zoo.build("capsule_conv")), preset("ecp5"))
    (note,) = compiled.network.notes
    (segment,) = compiled.segments
    part, whole = segment.plan.config.scratchpad_bytes, compiled.config.scratchpad_bytes
    assert f"{part:,} of the {whole:,} bytes of the scratchpad" in note
    used = max(buffer.address + buffer.words for buffer in segment.plan.loads)
    assert used * compiled.config.word_bytes <= part < whole
