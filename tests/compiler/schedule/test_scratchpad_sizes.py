"""A larger scratchpad never costs cycles."""

from __future__ import annotations

import pytest

from compiler import Estimator, zoo
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
        ("edge256", "capsule_conv"),
        ("edge256", "convfirst_block"),
        ("edge256", "mobilenet_v1_025_dw5x5"),
    ),
)
def test_a_larger_scratchpad_costs_a_small_network_no_cycles(machine, name):
    assert_falls(cycles(machine, name))


@pytest.mark.full
@pytest.mark.parametrize("name", zoo.names())
def test_a_larger_scratchpad_costs_no_network_cycles(name):
    assert_falls(cycles("edge256", name))


@pytest.mark.full
@pytest.mark.parametrize(
    "name",
    (
        "bsconv_s_resnet20",
        "bsconv_u_mobilenet_v1_025",
        "bsconv_u_resnet20",
        "convfirst_block",
        "mobilenet_v1_025",
        "resnet20",
    ),
)
def test_a_larger_scratchpad_costs_networks_on_tiny_no_cycles(name):
    assert_falls(cycles("tiny", name))
