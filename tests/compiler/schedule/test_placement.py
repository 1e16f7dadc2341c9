"""Tile operations placed stretch by stretch lie where they do when they are placed in one go."""

from __future__ import annotations

import dataclasses

import pytest

from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.ir.randomize import randomize
from compiler.lru_cache import LruCache
from compiler.options import CompilerOptions
from compiler.schedule import placement
from compiler.schedule.allocate import Placed
from compiler.schedule.channel_blocks import aligned
from compiler.schedule.placement import placement_of
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.tile_op_sequence import tile_op_spans
from compiler.zoo.builder import GraphBuilder
from hw.spec.config import PRESETS, with_values
from tests.compiler.graphs import random_graph


def placed_anew(plan, stretches, known=None):
    """The schedule's tile operations, placed with what the cache has."""
    known = known or Known(Planner())
    groups = known.groups(plan.network, plan.plans, plan.cascades)
    spans = tile_op_spans(group for _, group in groups)
    lives = plan.residency.live_ranges
    taken = [
        Placed(
            address,
            aligned(plan.slots[name].words),
            spans[lives[name].first][0],
            spans[lives[name].last][1],
        )
        for name, address in plan.places.items()
    ]
    words = plan.config.scratchpad_words
    return placement_of(plan.network.maps, groups, words, taken, stretches)


def places(found, plan) -> list[object]:
    """All places and orders of the tile operations and LOADs."""
    tile_ops, loads = found.placed(plan.plans)
    buffers = [b for t in tile_ops for b in (t.output,) if b] + loads
    slots = [f.name for f in dataclasses.fields(buffers[0]) if f.name != "chunk"]
    return [[getattr(b, name) for name in slots] for b in buffers]


@pytest.mark.parametrize("lines", (160, 400))
def test_stretches_of_any_length_give_the_same_places(lines, seed, monkeypatch):
    config = with_values(PRESETS["tiny"], {"scratchpad_bytes": lines * PRESETS["tiny"].line_bytes})
    for number in range(seed, seed + 2):
        try:
            plan = compile(random_graph(number), config).segments[0].plan
        except AllocationError:
            continue
        stretches = LruCache(1000)
        monkeypatch.setattr(placement, "STRETCH", 1 << 30)
        whole = placed_anew(plan, stretches)
        for layers in (1, 2, 8):
            monkeypatch.setattr(placement, "STRETCH", layers)
            parts = placed_anew(plan, stretches)
            assert places(whole, plan) == places(parts, plan), (number, layers)
            assert whole.cycles == parts.cycles and whole.waits == parts.waits, (number, layers)


def test_layers_after_a_known_state_are_not_placed_again(monkeypatch):
    monkeypatch.setattr(placement, "STRETCH", 1)
    plan = compile(random_graph(3), PRESETS["tiny"]).segments[0].plan
    stretches, known = LruCache(1000), Known(Planner())
    first = placed_anew(plan, stretches, known)
    monkeypatch.setattr(placement, "_placed", lambda *_: pytest.fail("placed again"))
    assert places(placed_anew(plan, stretches, known), plan) == places(first, plan)


def test_a_network_that_the_host_computes_alone_places_nothing():
    net = GraphBuilder("alone", (5, 5, 3))
    graph = randomize(net.finish(net.conv("layer", "input", 4, 1)))
    (segment,) = compile(graph, PRESETS["tiny"], CompilerOptions(host=("layer",))).segments
    assert (segment.plan.plans, segment.plan.placement.cycles) == ([], 0)
