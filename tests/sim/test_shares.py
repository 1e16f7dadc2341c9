"""Cycles that are given to layers: disjoint, none left over, each with its cause."""

import random
from types import SimpleNamespace

from hw.spec.regs import CYCLE_COUNTERS
from sim.shares import layer_causes


def row(**counts):
    return tuple(counts.get(counter.name.lower(), 0) for counter in CYCLE_COUNTERS)


def segment(total, *causes):
    counters = {c.name.lower(): n for c, n in zip(CYCLE_COUNTERS, total, strict=True)}
    return SimpleNamespace(counters=counters, causes=causes)


def test_what_a_layer_waits_for_is_its_own_and_the_tail_is_the_last_one_s():
    first, second = row(busy_network=20, wait_load=9), row(busy_network=30, stall_drain=2)
    run = segment(
        row(busy_network=50, wait_load=9, stall_drain=2, wait_command=5),
        row(),
        first,
        second,
        row(),
    )
    found = layer_causes([(0, 1), (2,)], [run])
    assert found == [first, row(busy_network=30, stall_drain=2, wait_command=5)]


def test_alternating_layers_and_segments_without_work():
    runs = [
        segment(row(wait_command=7)),
        segment(
            row(busy_other=15, wait_execute=20, wait_command=8),
            *(row(busy_other=5, wait_execute=wait) for wait in (0, 9, 11)),
        ),
        segment(row(wait_command=9)),
    ]
    first = row(busy_other=10, wait_execute=11, wait_command=7 + 8 + 9)
    assert layer_causes([(0, 2), (1,)], runs) == [first, row(busy_other=5, wait_execute=9)]


def test_work_that_is_no_layer_s_is_the_next_one_s():
    run = segment(row(busy_network=7), row(busy_network=3), row(busy_network=4))
    assert layer_causes([(1,)], [run]) == [row(busy_network=7)]
    assert layer_causes([], [run]) == []


def test_random_runs_share_out_all_cycles(seed):
    rng = random.Random(seed)
    for _ in range(200):
        runs, own = [], []
        for _ in range(rng.randint(1, 3)):
            rows = [
                tuple(rng.randrange(9) for _ in CYCLE_COUNTERS) for _ in range(rng.randint(1, 6))
            ]
            tail = tuple(rng.randrange(5) for _ in CYCLE_COUNTERS)
            runs.append(segment(map(sum, zip(tail, *rows, strict=True)), *rows))
            own += rows
        found = layer_causes([(i,) for i in range(len(own))], runs)
        for counter in CYCLE_COUNTERS:
            total = sum(run.counters[counter.name.lower()] for run in runs)
            assert sum(causes[counter] for causes in found) == total
            assert all(a[counter] >= b[counter] for a, b in zip(found, own, strict=True))
