"""Rectangles of output pixels, the input they read and the pieces that an EXECUTE computes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp, Pair, Region
from compiler.schedule.cost import Window
from hw.spec import isa

TALLEST = isa.highest(isa.Opcode.EXECUTE, "start_y")
"""Rows of a tile, and of an input window: what the position fields hold."""


class Tile(NamedTuple):
    """Pixels ``[top, bottom) x [left, right)`` of a map."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height * self.width

    def __str__(self) -> str:
        return f"[{self.top}:{self.bottom}, {self.left}:{self.right}]"


def whole(m: FeatureMap) -> Tile:
    """All pixels of a map."""
    return Tile(0, m.height, 0, m.width)


def extent(op: ArrayOp) -> Tile:
    """The output pixels that the layer makes."""
    return _hull([Tile(r.top, r.bottom, r.left, r.right) for r in op.regions])


def tiles_of(area: Tile, height: int, width: int) -> list[Tile]:
    """``area`` cut into tiles of at most ``height`` x ``width`` pixels, row by row."""
    return [
        Tile(y, min(y + height, area.bottom), x, min(x + width, area.right))
        for y in range(area.top, area.bottom, height)
        for x in range(area.left, area.right, width)
    ]


def first_tap(op: ArrayOp, region: Region, part: Tile) -> Pair:
    """Row and column of the input under the first tap of the first pixel of ``part``."""
    down, across = op.stride
    if region.start is None:
        return part.top * down - op.padding[0], part.left * across - op.padding[2]
    y, x = region.start
    return y + (part.top - region.top) * down, x + (part.left - region.left) * across


def apart(a: Tile, a_width: int, b: Tile, b_width: int) -> bool:
    """Whether tiles of a map, seen in rows of ``a_width`` and ``b_width`` pixels, share no pixel.

    Of views with rows of different lengths the pixels from a tile's first to its last count.
    """
    if a_width == b_width:
        return a.bottom <= b.top or b.bottom <= a.top or a.right <= b.left or b.right <= a.left
    first_a, end_a = a.top * a_width + a.left, (a.bottom - 1) * a_width + a.right
    first_b, end_b = b.top * b_width + b.left, (b.bottom - 1) * b_width + b.right
    return end_a <= first_b or end_b <= first_a


def input_tile(op: ArrayOp, source: FeatureMap, tile: Tile) -> Tile:
    """Pixels of the input that the output ``tile`` reads, padding left out; at least one pixel."""
    return _hull([_read(op, source, part, region) for part, region in pieces(op, tile)])


def input_tiles(op: ArrayOp, source: FeatureMap, tiles: Sequence[Tile]) -> list[Tile]:
    """The input tiles of several. Of a layer with one region, rows and columns are independent:
    those that tiles share are looked at once."""
    if len(op.regions) > 1:
        return [input_tile(op, source, tile) for tile in tiles]
    (region,) = op.regions
    area = Tile(region.top, region.bottom, region.left, region.right)
    y, x = first_tap(op, region, area)
    rows: dict[tuple[int, int], tuple[int, int]] = {}
    columns: dict[tuple[int, int], tuple[int, int]] = {}
    found = []
    for top, bottom, left, right in tiles:
        down, across = rows.get((top, bottom)), columns.get((left, right))
        if down is None:
            span = max(top, area.top) - area.top, min(bottom, area.bottom) - area.top
            down = rows[top, bottom] = _under(op, 0, y, *span, source.height)
        if across is None:
            span = max(left, area.left) - area.left, min(right, area.right) - area.left
            across = columns[left, right] = _under(op, 1, x, *span, source.width)
        found.append(Tile(*down, *across))
    return found


def _under(op: ArrayOp, axis: int, tap: int, first: int, end: int, size: int) -> tuple[int, int]:
    """First and end of the input pixels along an axis that outputs ``first`` to ``end`` of a region
    read, of which the first one's first tap is at ``tap``."""
    step = op.stride[axis]
    span = (end - first - 1) * step + (op.kernel[axis] - 1) * op.dilation[axis] + 1
    return _inside(tap + first * step, span, size)


def _read(op: ArrayOp, source: FeatureMap, part: Tile, region: Region) -> Tile:
    y, x = first_tap(op, region, part)
    rows = _under(op, 0, y, 0, part.height, source.height)
    cols = _under(op, 1, x, 0, part.width, source.width)
    return Tile(*rows, *cols)


def _inside(low: int, span: int, size: int) -> tuple[int, int]:
    first = min(max(low, 0), size - 1)
    return first, max(min(low + span, size), first + 1)


def _hull(parts: list[Tile]) -> Tile:
    """The smallest tile around all parts."""
    if len(parts) == 1:
        return parts[0]
    return Tile(
        min(p.top for p in parts),
        max(p.bottom for p in parts),
        min(p.left for p in parts),
        max(p.right for p in parts),
    )


def pieces(op: ArrayOp, tile: Tile) -> Iterator[tuple[Tile, Region]]:
    """The parts of ``tile`` with one set of channel parameters each."""
    for region in op.regions:
        part = Tile(
            max(tile.top, region.top),
            min(tile.bottom, region.bottom),
            max(tile.left, region.left),
            min(tile.right, region.right),
        )
        if part.height > 0 and part.width > 0:
            yield part, region


def windows(op: ArrayOp, tile: Tile, row_words: int) -> list[Window]:
    """Window of each piece in the order of the array; output rows are ``row_words`` apart."""
    return [Window(p.height, p.width, p.width == row_words) for p, _ in pieces(op, tile)]
