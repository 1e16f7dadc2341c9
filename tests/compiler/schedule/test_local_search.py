"""The search around a schedule: what it finds is placed as decided, and never slower."""

from __future__ import annotations

import pytest

from compiler import zoo
from compiler.codegen.timed import exact_cycles, fastest
from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.ir.randomize import randomize
from compiler.schedule.given import decisions_of, place_given
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.search import schedules
from hw.spec.config import preset, with_values
from tests.compiler.graphs import random_graph
from tests.support.exhaustive_schedules import best_schedule
from tests.support.own_schedules import larger_network, own_groups

TINY = preset("tiny")
WAYS = 300
"""Of a network, at most."""
BEYOND = 0.01
"""What a mapping takes beyond the best of the ways that the compiler weighs, at most."""


def found_for(number: int, lines: int) -> list:
    """All schedules found for a random network's first segment, none if it does not fit."""
    config = with_values(TINY, {"scratchpad_bytes": lines * TINY.line_bytes})
    try:
        network = compile(random_graph(number), config).segments[0].plan.network
        return schedules(network, config, Planner())
    except AllocationError:
        return []


@pytest.mark.parametrize("lines", (200, 1920))
def test_the_schedule_taken_is_the_fastest_of_those_timed(lines, seed):
    for number in range(seed, seed + 2):
        found = found_for(number, lines)
        if found:
            taken = exact_cycles(fastest(found))
            assert taken <= exact_cycles(found[0]), number
            assert taken <= exact_cycles(found[min(1, len(found) - 1)]), number


@pytest.mark.parametrize("lines", (200, 1920))
def test_a_schedule_follows_from_its_decisions(lines, seed):
    for number in range(seed, seed + 2):
        for schedule in found_for(number, lines)[1:5]:
            known = Known(Planner()).closely()
            again = place_given(decisions_of(schedule), schedule, known)
            assert again is not None and again.places == schedule.places, number
            assert again.modelled_cycles == schedule.modelled_cycles, number
            assert [p.work for p in again.plans] == [p.work for p in schedule.plans], number


def assert_near_the_best(seed: int, ways: int) -> None:
    net = larger_network(TINY, seed, ways)
    mapped = exact_cycles(net.schedule)
    _, least, _ = best_schedule(net.schedule.network, net.config, net.schedule, own_groups)
    assert mapped <= least * (1 + BEYOND), (seed, mapped, least)


@pytest.mark.full
@pytest.mark.parametrize("number", range(50))
def test_no_way_that_the_compiler_weighs_is_faster_by_a_hundredth(number, seed):
    assert_near_the_best(1000 * seed + number, WAYS)


def test_large_networks_are_scheduled_without_it():
    graph = randomize(zoo.build("mobilenet_v1_025"))
    network = compile(graph, TINY).segments[0].plan.network
    assert len(schedules(network, TINY, Planner())) == 1
