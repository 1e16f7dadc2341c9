"""The compiler's plans beside the best of all that the code generator can express."""

from pathlib import Path

import numpy as np
import pytest

from compiler import driver
from compiler.codegen.program import image, mapping
from compiler.codegen.timed import exact_cycles
from golden.network import run as golden_run
from hw.spec.config import preset
from sim.program_reader import program_of
from sim.simulation import (
    run_timing,
    run_values,
)
from tests.support.exhaustive_schedules import best_schedule
from tests.support.random_layers import random_input
from tests.support.small_networks import small_network

WORST, MEAN = 0.35, 0.1
"""What mappings take beyond the best one at most, each and on average (docs/compiler.md)."""
WAYS = 250
"""Of a network in the default run, at most."""


def beyond(layers, seed, ways):
    """What the mapping takes beyond the best one, as a share of that."""
    net = small_network(preset("tiny"), seed, layers, ways)
    mapped = exact_cycles(net.schedule)
    best, least, _ = best_schedule(net.schedule.network, net.config, net.schedule)
    assert least <= mapped <= least * (1 + WORST), (seed, mapped, least)
    assert_runs(net, best, least, seed)
    return mapped / least - 1


def assert_runs(net, schedule, cycles, seed):
    """The schedule is one that computes what golden does, in so many cycles."""
    compiled = driver.compile(net.graph, net.config, scheduler=lambda *_: [schedule])
    memory = np.frombuffer(image(compiled), np.uint8)
    program = program_of(Path(), memory, mapping(compiled))
    assert run_timing(program).cycles == cycles
    source = np.random.default_rng(seed)
    inputs = {name: random_input(source, net.graph.tensors[name]) for name in net.graph.inputs}
    expected = golden_run(net.graph.to_dict(), inputs)
    for name, values in program.tensors(run_values(program, inputs)).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.parametrize("layers", (1, 2, 3))
def test_not_far_from_the_best(layers, seed):
    for number in range(seed, seed + 2):
        beyond(layers, number, WAYS)


@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 6))
@pytest.mark.parametrize("layers", (1, 2, 3))
def test_many_not_far_from_the_best(layers, batch, seed):
    losses = [beyond(layers, seed + 1000 * batch + i, 4 * WAYS) for i in range(20)]
    assert sum(losses) / len(losses) <= MEAN
