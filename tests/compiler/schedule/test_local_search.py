"""The search around a schedule: what it finds is placed as decided, and never slower."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from compiler import zoo
from compiler.codegen.program import image, mapping
from compiler.codegen.timed import exact_cycles
from compiler.driver import Scheduler, compile
from compiler.ir.randomize import randomize
from compiler.schedule.given import decisions_of, place_given
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.schedule import Schedule
from compiler.schedule.search import schedules
from hw.spec.config import preset
from sim.program_reader import program_of
from sim.simulation import run_timing
from tests.compiler.graphs import Net
from tests.support.exhaustive_schedules import best_schedule
from tests.support.own_schedules import larger_network, own_groups
from tests.support.small_networks import SmallNetwork

TINY = preset("tiny")
WAYS = 300
"""Of a network, at most."""
FEW = 3
"""Networks of ten that may take over a hundredth more than the best of the ways that the compiler
weighs: some have too many tile operations to be searched."""


def simulated(net: SmallNetwork, scheduler: Scheduler) -> int:
    """Cycles of the program of a network."""
    compiled = compile(net.graph, net.config, scheduler=scheduler)
    program = program_of(Path(), np.frombuffer(image(compiled), np.uint8), mapping(compiled))
    return run_timing(program).cycles


def first(*arguments) -> Iterator:
    """The schedule without the search."""
    return islice(schedules(*arguments), 1)


def test_a_program_is_the_fastest_schedule_and_no_slower_than_the_first(seed):
    net = larger_network(TINY, seed, WAYS)
    found = simulated(net, schedules)
    assert found == exact_cycles(net.schedule)
    assert found <= simulated(net, first)


def test_a_schedule_follows_from_its_decisions(seed):
    net = larger_network(TINY, seed, WAYS)
    for schedule in islice(schedules(net.schedule.network, net.config, Planner()), 1, 8):
        known = Known(Planner())
        again = [place_given(decisions_of(schedule), schedule, k) for k in (known, known.closely())]
        assert any(a and figures(a) == figures(schedule) for a in again)


def figures(schedule: Schedule) -> tuple:
    """What a schedule is and the cycles that its model expects."""
    work = [(plan.work, plan.order) for plan in schedule.plans]
    return schedule.places, schedule.modelled_cycles, work


def beyond(seed: int) -> float:
    """What the mapping of a network takes beyond the best, as a share of that."""
    net = larger_network(TINY, seed, WAYS)
    _, least, _ = best_schedule(net.schedule.network, net.config, net.schedule, own_groups)
    return exact_cycles(net.schedule) / least - 1


@pytest.mark.full
@pytest.mark.parametrize("batch", range(5))
def test_few_networks_have_a_way_faster_by_a_hundredth(batch, seed):
    found = [beyond(1000 * seed + 10 * batch + number) for number in range(10)]
    assert sum(share > 0.01 for share in found) <= FEW, found


@pytest.mark.parametrize(("layers", "searched"), ((4, True), (5, False)))
def test_networks_of_few_layers_are_searched(layers, searched):
    net, x = Net((9, 9, 4)), "input"
    for _ in range(layers):
        x = net.conv(x, 4, kernel=(1, 1))
    network = compile(net.finish(x), TINY).segments[0].plan.network
    assert (len(list(schedules(network, TINY, Planner()))) > 1) == searched


def test_large_networks_are_scheduled_without_it():
    graph = randomize(zoo.build("mobilenet_v1_025", (64, 64)))
    network = compile(graph, TINY).segments[0].plan.network
    assert len(list(schedules(network, TINY, Planner()))) == 1
