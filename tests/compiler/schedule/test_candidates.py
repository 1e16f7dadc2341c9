"""The ways to run a layer: what each takes and costs, by hand, for a layer of known form."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.hwir.network import FeatureMap
from compiler.schedule.candidates import Candidates, strip_heights
from compiler.schedule.cost import COMMAND_CYCLES
from compiler.schedule.op_plan import Site, Streams
from compiler.schedule.tiles import Tile
from hw.spec.config import PRESETS
from tests.compiler.schedule.operations import operation

TINY = PRESETS["tiny"]
NOTHING, BOTH = Streams(False, False, False), Streams(True, True, False)
WEIGHTS = 24
"""Words: ten of parameters and four of weights, each in whole lines of eight."""
ROWS, COLUMNS = 12, 8


def site(streams: Streams, rows: int = ROWS, columns: int = COLUMNS) -> Site:
    """A pointwise convolution of one plane to one plane."""
    source, output = (FeatureMap(name, rows, columns, TINY.cols) for name in ("in", "out"))
    weights = np.ones((TINY.cols, 1, 1, TINY.cols), np.int8)
    return Site(operation(source, output, weights=weights), source, output, None, streams, TINY)


def in_shape_0(candidates):
    return [c for c in candidates if c.work.shape == 0]


def test_heights_of_strips_are_those_of_equal_parts():
    assert strip_heights(10) == [10, 5, 4, 3, 2, 1]
    assert strip_heights(100)[:6] == [100, 50, 34, 25, 20, 17]
    # 16 strips at most one by one, then powers of two, then rows.
    assert strip_heights(100)[-4:] == [7, 4, 2, 1]


def test_what_lies_in_the_scratchpad_runs_in_one_tile():
    found = in_shape_0(Candidates(site(NOTHING)).strips)
    assert [c.work.tiles for c in found] == [(Tile(0, ROWS, 0, COLUMNS),)]
    assert (found[0].single, found[0].double, found[0].words) == (WEIGHTS, WEIGHTS, WEIGHTS)
    assert found[0].bus == WEIGHTS + COMMAND_CYCLES


@pytest.mark.parametrize("height", (6, 4, 1))
def test_strips_take_a_buffer_of_the_input_and_one_of_the_output(height):
    (found,) = (
        c for c in in_shape_0(Candidates(site(BOTH)).strips) if c.work.tiles[0].height == height
    )
    strips, buffer = ROWS // height, height * COLUMNS
    assert len(found.work.tiles) == strips
    assert found.single == WEIGHTS + 2 * buffer
    assert found.double == WEIGHTS + 4 * buffer
    # The weights once, each strip once in and once out.
    assert found.words == WEIGHTS + 2 * ROWS * COLUMNS
    assert found.bus == found.words + COMMAND_CYCLES * (1 + 2 * strips)


def test_loading_ahead_needs_twice_the_buffers_and_hides_most_of_the_shorter_part():
    layer = site(BOTH)
    (found,) = (c for c in in_shape_0(Candidates(layer).strips) if c.work.tiles[0].height == 4)
    long, short = max(found.work.cycles, found.bus), min(found.work.cycles, found.bus)
    assert found.plan(layer, found.single - 1) is None
    alone = found.plan(layer, found.double - 1)
    ahead = found.plan(layer, found.double)
    assert (alone.need, ahead.need) == (found.single, found.double)
    assert alone.cycles == long + short + found.rest
    assert ahead.cycles == long + 0.3 * short + found.rest


def test_rectangles_are_narrower_than_the_map_and_of_what_is_streamed_only():
    assert not list(Candidates(site(NOTHING)).rectangles(1 << 20))
    sizes = [
        (tile.height, tile.width)
        for tile in (c.work.tiles[0] for c in Candidates(site(BOTH)).rectangles(1 << 20))
    ]
    assert all(height <= ROWS and width < COLUMNS for height, width in sizes)
    assert sizes[0] == (8, 4) and sizes[-1] == (1, 1)


def test_the_smallest_plan_has_tiles_of_a_pixel():
    """A line for each buffer."""
    found = Candidates(site(BOTH))
    assert found.smallest_need == WEIGHTS + 8 + 8
    assert min(c.single for c in found.rectangles(1 << 20)) == found.smallest_need


def test_given_tiles_keep_all_weights():
    tiles = (Tile(0, 5, 0, COLUMNS), Tile(5, ROWS, 0, COLUMNS))
    found = Candidates(site(BOTH)).kept(tiles)
    assert {c.work.tiles for c in found} == {tiles} and {c.order for c in found} == {"keep"}
    assert {c.work.shape for c in found} == {0, 1, 2}
    assert in_shape_0(found)[0].single == WEIGHTS + 2 * 7 * COLUMNS
