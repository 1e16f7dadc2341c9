"""Places in the scratchpad, residency and what a whole network costs."""

from __future__ import annotations

import random
import re
from itertools import combinations

import numpy as np
import pytest

from compiler import zoo
from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.ir.randomize import randomize
from compiler.schedule.allocate import Placed, placed_in_turn
from compiler.schedule.live_ranges import live_ranges
from compiler.schedule.placement_kernels import earliest, gap
from compiler.schedule.schedule import Schedule
from compiler.zoo.builder import GraphBuilder
from hw.spec.config import PRESETS, with_values
from tests.compiler.graphs import (
    Net,
    random_graph,
)


def rectangles(plan: Schedule) -> list[tuple[int, int, int, int]]:
    """Everything in the scratchpad as (address, end, first step, last step)."""
    first, last = {}, {}
    for tile_op in plan.tile_ops:
        first.setdefault(tile_op.layer, tile_op.index)
        last[tile_op.layer] = tile_op.index
    lives = live_ranges(plan.network)
    found = [
        (
            address,
            address + plan.slots[name].words,
            first[lives[name].first],
            last[lives[name].last],
        )
        for name, address in plan.places.items()
    ]
    found += [(b.address, b.address + b.words, b.issue, b.last) for b in plan.loads]
    outputs = [tile_op.output for tile_op in plan.tile_ops if tile_op.output]
    return found + [(b.address, b.address + b.words, b.first, b.last) for b in outputs]


def overlaps(plan: Schedule) -> bool:
    return any_overlap(rectangles(plan))


def any_overlap(found: list[tuple[int, int, int, int]]) -> bool:
    return any(
        a[0] < b[1] and b[0] < a[1] and a[2] <= b[3] and b[2] <= a[3]
        for a, b in combinations(found, 2)
    )


@pytest.mark.parametrize("lines", (160, 400))
def test_nothing_overlaps_in_address_and_time(lines, seed):
    config = with_values(PRESETS["tiny"], {"scratchpad_bytes": lines * PRESETS["tiny"].line_bytes})
    for number in range(seed, seed + 6):
        try:
            plan = compile(random_graph(number), config).segments[0].plan
        except AllocationError:
            continue
        assert not overlaps(plan), number
        assert all(r[0] >= 0 and r[1] <= config.scratchpad_words for r in rectangles(plan))


def test_arena_finds_the_earliest_tile_op(seed):
    rng = random.Random(seed)
    for _ in range(50):
        starts = [rng.randint(0, 20) for _ in range(12)]
        wanted = [(8 * rng.randint(1, 15), s, s + rng.randint(0, 6)) for s in starts]
        found = placed_in_turn(256, wanted)
        taken = [Placed(address, *w) for address, w in zip(found, wanted, strict=False)]
        assert not any_overlap([(p.address, p.address + p.words, *p[2:]) for p in taken])
        rows = np.array(sorted(taken), np.int64).reshape(-1, 4)
        arena, words, low = np.array([len(rows), 256]), 8 * rng.randint(1, 16), rng.randint(0, 12)
        use, last = low + 6, low + 9
        gaps = [(s, gap(rows, arena, words, s, last)) for s in range(low, use + 1)]
        fitting = [s for s, address in gaps if address >= 0]
        tile_op, address = earliest(rows, arena, words, low, use, last)
        assert (tile_op if address >= 0 else None) == (fitting[0] if fitting else None)


def test_efficientnet_keeps_all_maps():
    compiled = compile(randomize(zoo.build("efficientnet_lite0"), 0), PRESETS["edge256"])
    maps, plan = compiled.network.maps, compiled.segments[0].plan
    assert {op.output for op in compiled.network.ops} == set(plan.places)
    large = next(m for m in maps if map_size(maps[m]) == (112, 112, 96))
    assert plan.slots[large].pitch < maps[large].pixels
    assert plan.modelled_cycles < 1_680_000


def test_planes_larger_than_the_scratchpad_pass_in_windows():
    config = PRESETS["edge256"]
    compiled = compile(randomize(zoo.build("retinaface_mnet025_ddc"), 0), config)
    maps, plan = compiled.network.maps, compiled.segments[0].plan
    large = [m.name for m in maps.values() if m.pixels > config.scratchpad_words and not m.external]
    assert large and set(large) <= set(plan.places)
    assert all(plan.slots[m].recomputed and plan.slots[m].words < maps[m].pixels for m in large)
    assert not overlaps(plan)


def map_size(m):
    return m.height, m.width, m.channels


def test_smallest_tile_that_does_not_fit():
    net = Net((9, 9, 300))
    graph = net.finish(net.conv("input", 8, kernel=(9, 9)))
    config = with_values(PRESETS["tiny"], {"scratchpad_bytes": 64 * PRESETS["tiny"].line_bytes})
    with pytest.raises(AllocationError) as fault:
        compile(graph, config)
    assert str(fault.value).startswith(
        "layer 'conv2d0' (conv2d), kernel 9x9 over 300 input channels: the smallest tile takes"
    )
    text = str(fault.value)
    assert "; 2048 are accepted (the configuration's scratchpad_bytes); fewer" in text
    least = int(re.search(r", or scratchpad_bytes of (\d+) at least are needed$", text)[1])
    compile(graph, with_values(PRESETS["tiny"], {"scratchpad_bytes": least}))
    with pytest.raises(AllocationError):
        compile(graph, with_values(PRESETS["tiny"], {"scratchpad_bytes": least - 32}))


def test_where_the_array_never_waits_no_cascade_is_tried():
    net, x = GraphBuilder("plain", (64, 64, 16)), "input"
    for layer in range(10):
        x = net.conv(f"conv{layer}", x, 16, 3, activation="relu")
    plan = compile(randomize(net.finish(x), 0), PRESETS["tiny"]).segments[0].plan
    assert any(p.site.streams.output for p in plan.plans)
    assert sum(plan.waits[1:]) < 0.0001 * plan.modelled_cycles
    assert all(trial.first <= 1 for trial in plan.trials)
