"""Cycles that are given to layers: disjoint, none left over, and enough for the array's work."""

import random
from types import SimpleNamespace

from sim.shares import layer_cycles


def segment(cycles, *spans):
    return SimpleNamespace(cycles=cycles, spans=spans)


def test_a_cycle_is_the_layer_s_whose_execute_ends_next():
    load, end = (0, 9, 0), (0, 0, 0)
    run = segment(100, load, (10, 39, 20), (30, 79, 15), end)
    assert layer_cycles([(0, 1), (2,)], [run]) == [40, 60]


def test_work_that_began_before_the_end_of_another_is_its_own_layer_s():
    run = segment(100, (10, 59, 30), (20, 99, 50))
    assert layer_cycles([(0,), (1,)], [run]) == [50, 50]


def test_alternating_layers_and_segments_without_work():
    runs = [segment(7), segment(50, (0, 9, 5), (0, 19, 5), (0, 39, 5)), segment(9)]
    assert layer_cycles([(0, 2), (1,)], runs) == [7 + 10 + 30 + 9, 10]


def test_random_runs_share_out_all_cycles(seed):
    rng = random.Random(seed)
    for _ in range(200):
        runs, busy, end, count = [], [], 0, 0
        for _ in range(rng.randint(1, 3)):
            spans, done, end = [], 0, 0
            for _ in range(rng.randint(1, 6)):
                work = rng.randint(1, 20)
                done += work + rng.randrange(3)
                end = max(end + 1, done + rng.randrange(10))
                spans.append((0, end, work))
                busy.append(work)
            runs.append(segment(end + 1 + rng.randrange(5), *spans))
            count += len(spans)
        found = layer_cycles([(i,) for i in range(count)], runs)
        assert sum(found) == sum(run.cycles for run in runs)
        assert all(cycles >= work for cycles, work in zip(found, busy, strict=True))
