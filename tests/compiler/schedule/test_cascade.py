"""Cascades of layers of known form: which maps roll, and that no row is lost while it is read."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from compiler.hwir.network import FeatureMap, Network
from compiler.ir.graph import Graph
from compiler.lru_cache import LruCache
from compiler.schedule.cascade import WIDE, CascadePlan, is_wide, may_roll, plan_cascade
from compiler.schedule.op_plan import Site, Streams
from compiler.schedule.op_planner import OpPlanner
from hw.spec.config import PRESETS
from tests.compiler.schedule.operations import operation

TINY = PRESETS["tiny"]
ROWS, COLUMNS, CHANNELS = 24, 6, 12
PLANES = CHANNELS // TINY.cols
ALL = TINY.scratchpad_words


def chain(*strides: int) -> tuple[list, dict[str, FeatureMap]]:
    """Convolutions of three by three taps one after another, and the maps before and after."""
    maps, ops = [FeatureMap("map0", ROWS, COLUMNS, CHANNELS)], []
    for number, stride in enumerate(strides, 1):
        source = maps[-1]
        rows = -(-source.height // stride)
        maps.append(FeatureMap(f"map{number}", rows, COLUMNS, CHANNELS))
        weights = np.ones((CHANNELS, 3, 3, CHANNELS), np.int8)
        ops.append(
            operation(source, maps[-1], (3, 3), (1, 1, 1, 1), weights=weights, stride=(stride, 1))
        )
    return ops, {m.name: m for m in maps}


def network(ops, maps) -> Network:
    return Network(Graph("test", {}, [], (), ()), ops, maps, {}, [])


def sites(*strides: int, config=TINY) -> list[Site]:
    """The layers of a chain whose first map comes from memory and whose last one goes there."""
    ops, maps = chain(*strides)
    last = len(ops) - 1
    return [
        Site(op, maps[op.source], maps[op.output], None, Streams(not i, i == last, False), config)
        for i, op in enumerate(ops)
    ]


def plan(layers: list[Site], recompute: bool = False, free: int = ALL) -> CascadePlan | None:
    return plan_cascade(layers, recompute, free, OpPlanner(), LruCache(8))


def test_a_map_rolls_between_its_only_maker_and_its_only_reader():
    ops, maps = chain(1, 1, 1)
    assert may_roll(network(ops, maps)) == [True, True, False]
    stored = maps | {"map1": dataclasses.replace(maps["map1"], stored=True)}
    assert may_roll(network(ops, stored)) == [False, True, False]
    parent = maps | {"part": dataclasses.replace(maps["map2"], name="part", parent="map2")}
    assert may_roll(network(ops, parent)) == [True, False, False]
    again = operation(maps["map1"], FeatureMap("other", ROWS, COLUMNS, CHANNELS))
    assert may_roll(network([*ops, again], maps | {"other": maps["map3"]}))[:2] == [False, True]


def test_a_layer_that_makes_a_part_of_its_map_rolls_nothing():
    ops, maps = chain(1, 1, 1)
    half = dataclasses.replace(ops[1].regions[0], bottom=ROWS // 2)
    ops[1] = dataclasses.replace(ops[1], regions=(half,))
    assert may_roll(network(ops, maps)) == [False, False, False]


def test_wide_maps_are_those_of_which_four_planes_do_not_fit():
    columns = TINY.scratchpad_words // (WIDE * ROWS)
    assert not is_wide(FeatureMap("map", ROWS, columns, 4), TINY)
    assert is_wide(FeatureMap("map", ROWS, columns + 1, 4), TINY)


def rows_of(tiles) -> list[int]:
    return [row for tile in tiles for row in range(tile.top, tile.bottom)]


@pytest.mark.parametrize("strides", [(1, 1), (1, 2), (2, 1), (1, 1, 1), (1, 3)])
def test_no_row_of_a_rolling_buffer_is_overwritten_while_it_is_still_read(strides):
    """The place of each row that a strip makes, or that it or a later one reads, is its own."""
    layers = sites(*strides)
    found = plan(layers)
    assert found is not None and len(found.plans[0].tiles) > 1
    for (maker, reader), slot in zip(pairwise(found.plans), found.slots, strict=True):
        source = reader.site.source
        assert rows_of(maker.tiles) == [*range(source.height)]
        assert slot.pitch < source.pixels and not slot.recomputed
        reads = [rows_of([tile]) for tile in reader.work.tiling.inputs]
        made: set[int] = set()
        for strip, tile in enumerate(maker.tiles):
            own = set(rows_of([tile]))
            made |= own
            assert made >= set(reads[strip])
            wanted = made & {row for later in reads[strip:] for row in later}
            places = [
                plane * slot.pitch + row * source.width
                for plane in range(PLANES)
                for row in own | wanted
            ]
            assert len(set(places)) == len(places)
            assert max(places) + source.width <= slot.words


def test_recomputed_rows_are_all_that_a_strip_reads():
    small = dataclasses.replace(TINY, scratchpad_bytes=64 * TINY.line_bytes)
    layers = sites(1, 1, config=small)
    assert is_wide(layers[1].source, small)
    found = plan(layers, recompute=True)
    assert found is not None
    (slot,) = found.slots
    assert slot.recomputed
    maker, reader = found.plans
    assert [rows_of([tile]) for tile in maker.tiles] == [
        rows_of([tile]) for tile in reader.work.tiling.inputs
    ]
    assert slot.pitch == max(tile.pixels for tile in maker.tiles)
    assert slot.words == PLANES * slot.pitch


def test_a_plan_takes_no_more_than_the_free_words():
    layers = sites(1, 1)
    best = plan(layers)
    assert best is not None
    needs = []
    for free in range(best.need, 0, -best.need // 8):
        found = plan(layers, free=free)
        if found is None:
            break
        assert found.need <= free and found.cycles >= best.cycles
        needs.append(found.need)
    assert len(set(needs)) > 1
    assert plan(layers, free=100) is None


def test_a_plan_that_is_known_serves_layers_of_other_names():
    known, planner = LruCache[CascadePlan | None](8), OpPlanner()
    first = plan_cascade(sites(1, 1), False, ALL, planner, known)
    others = [
        dataclasses.replace(site, op=dataclasses.replace(site.op, name=f"other{i}"))
        for i, site in enumerate(sites(1, 1))
    ]
    second = plan_cascade(others, False, ALL, planner, known)
    assert [p.site.op.name for p in second.plans] == ["other0", "other1"]
    assert second.plans[0].together == ("other0", "other1")
    assert second.slots == first.slots and second.plans[0].tiles == first.plans[0].tiles
