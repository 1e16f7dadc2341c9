"""Tiles: what they read of the input, and which of them share pixels, against sets of pixels."""

from __future__ import annotations

import itertools
import random

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp, Region
from compiler.schedule.tiles import Tile, apart, input_tile, tiles_of, whole
from tests.compiler.schedule.operations import SCALE, operation, pooled


def pixels(tile: Tile) -> set[tuple[int, int]]:
    rows, columns = range(tile.top, tile.bottom), range(tile.left, tile.right)
    return set(itertools.product(rows, columns))


def test_tiles_cover_an_area_once_row_by_row():
    tiles = tiles_of(Tile(1, 6, 2, 9), 2, 4)
    assert [str(tile) for tile in tiles[:3]] == ["[1:3, 2:6]", "[1:3, 6:9]", "[3:5, 2:6]"]
    assert sum(tile.pixels for tile in tiles) == 35
    assert set().union(*map(pixels, tiles)) == pixels(Tile(1, 6, 2, 9))


def read(op: ArrayOp, source: FeatureMap, tile: Tile) -> set[tuple[int, int]]:
    """The pixels of the input that an output tile reads, tap by tap."""
    (kh, kw), (down, across), (dh, dw) = op.kernel, op.stride, op.dilation
    found = {
        (y * down - op.padding[0] + i * dh, x * across - op.padding[2] + j * dw)
        for y, x in pixels(tile)
        for i, j in itertools.product(range(kh), range(kw))
    }
    return found & pixels(whole(source))


def test_the_input_of_a_tile_is_the_smallest_one_that_has_all_it_reads(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(200):
        op, source, output = pooled(rng)
        top, left = rng.randrange(output.height), rng.randrange(output.width)
        bottom, right = rng.randint(top + 1, output.height), rng.randint(left + 1, output.width)
        tile = Tile(top, bottom, left, right)
        found, used = input_tile(op, source, tile), read(op, source, tile)
        assert pixels(found) <= pixels(whole(source)) and found.pixels > 0
        if used:
            assert used <= pixels(found)
            # Else a step or a dilation may pass over the first or the last row inside.
            if op.dilation == (1, 1) and all(
                s <= k for s, k in zip(op.stride, op.kernel, strict=True)
            ):
                rows, columns = {y for y, _ in used}, {x for _, x in used}
                assert found == Tile(min(rows), max(rows) + 1, min(columns), max(columns) + 1)


def test_a_region_with_a_start_of_its_own_reads_from_there():
    source, output = FeatureMap("in", 20, 20, 1), FeatureMap("out", 4, 4, 1)
    op = operation(source, output, regions=(Region(2, 4, 1, 3, SCALE, start=(5, 0)),))
    assert input_tile(op, source, Tile(3, 4, 1, 3)) == Tile(6, 7, 0, 2)


def test_tiles_apart_share_no_pixel(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(300):
        tiles, widths = [], [rng.choice((6, 12)) for _ in range(2)]
        for width in widths:
            top, left = rng.randrange(24 // (width // 6)), rng.randrange(width)
            tiles.append(Tile(top, top + rng.randint(1, 3), left, rng.randint(left + 1, width)))
        (a, b), (a_width, b_width) = tiles, widths
        shared = {y * a_width + x for y, x in pixels(a)} & {y * b_width + x for y, x in pixels(b)}
        if a_width == b_width:
            assert apart(a, a_width, b, b_width) == (not shared)
        else:
            assert not (apart(a, a_width, b, b_width) and shared)
