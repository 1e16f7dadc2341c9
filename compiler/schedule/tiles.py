"""Rectangles of output pixels, the input they read and the pieces that an EXECUTE computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.passes.layer import FeatureMap, Layer, Region
from compiler.schedule.cost import Window


@dataclass(frozen=True)
class Tile:
    """Pixels ``[top, bottom) x [left, right)`` of a map."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def pixels(self) -> int:
        return self.height * self.width

    def __str__(self) -> str:
        return f"[{self.top}:{self.bottom}, {self.left}:{self.right}]"


def whole(m: FeatureMap) -> Tile:
    """All pixels of a map."""
    return Tile(0, m.height, 0, m.width)


def tiles_of(output: FeatureMap, height: int, width: int) -> list[Tile]:
    """The output cut into tiles of at most ``height`` x ``width`` pixels, row by row."""
    return [
        Tile(y, min(y + height, output.height), x, min(x + width, output.width))
        for y in range(0, output.height, height)
        for x in range(0, output.width, width)
    ]


def input_tile(layer: Layer, source: FeatureMap, tile: Tile) -> Tile:
    """Pixels of the input that the output ``tile`` reads, padding left out; at least one pixel."""
    top, _, left, _ = layer.padding
    rows = _extent(tile.top, tile.bottom, layer.stride[0], layer.kernel[0], layer.dilation[0], top,
                   source.height)
    cols = _extent(tile.left, tile.right, layer.stride[1], layer.kernel[1], layer.dilation[1], left,
                   source.width)
    return Tile(*rows, *cols)


def _extent(
    first: int, end: int, stride: int, kernel: int, dilation: int, before: int, size: int
) -> tuple[int, int]:
    low = first * stride - before
    high = (end - 1) * stride - before + (kernel - 1) * dilation + 1
    low = min(max(low, 0), size - 1)
    return low, max(min(high, size), low + 1)


def pieces(layer: Layer, tile: Tile) -> Iterator[tuple[Tile, Region]]:
    """The parts of ``tile`` with one set of channel parameters each."""
    for region in layer.regions:
        part = Tile(
            max(tile.top, region.top), min(tile.bottom, region.bottom),
            max(tile.left, region.left), min(tile.right, region.right),
        )
        if part.height > 0 and part.width > 0:
            yield part, region


def windows(layer: Layer, tile: Tile, row_words: int) -> list[Window]:
    """What each piece looks like to the array; output rows are ``row_words`` apart."""
    return [Window(p.height, p.width, p.width == row_words) for p, _ in pieces(layer, tile)]
