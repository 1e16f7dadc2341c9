"""Positions of the layers of a network when it is drawn: rows and lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.report.blocks import Edge

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """Row and lane of each layer, the lanes of its block, and the first row of each block.

    Rows count from the top. A layer is below those of its block that it reads from, and a block
    below the blocks before it.
    """

    rows: tuple[int, ...]
    lanes: tuple[int, ...]
    lane_counts: tuple[int, ...]
    starts: tuple[int, ...]

    @property
    def height(self) -> int:
        """Rows of the drawing."""
        return max(self.rows, default=-1) + 1

    def at(self, layer: int) -> Point:
        """The middle of the layer's box: from 0 to 1 across, rows downwards."""
        return (self.lanes[layer] + 0.5) / self.lane_counts[layer], self.rows[layer] + 0.5

    def pages(self, rows: int) -> list[range]:
        """All rows in parts of at most ``rows``, cut between blocks where that is possible."""
        cuts = [0]
        while cuts[-1] + rows < self.height:
            between = [row for row in self.starts if cuts[-1] < row <= cuts[-1] + rows]
            cuts.append(max(between, default=cuts[-1] + rows))
        ends = [*cuts[1:], self.height]
        return [range(*pair) for pair in zip(cuts, ends, strict=True) if pair[0] < pair[1]]


def layout(blocks: Sequence[range], edges: Sequence[Edge]) -> Layout:
    """The layout of a network's blocks, one below the other."""
    makers: dict[int, list[int]] = {}
    last_reader: dict[int, int] = {}
    for edge in edges:
        makers.setdefault(edge.reader, []).append(edge.maker)
        last_reader[edge.maker] = max(edge.reader, last_reader.get(edge.maker, 0))
    rows: list[int] = []
    lanes: list[int] = []
    counts: list[int] = []
    starts = []
    for block in blocks:
        starts.append(max(rows, default=-1) + 1)
        tails: list[int] = []
        for layer in block:
            own = [maker for maker in makers.get(layer, []) if maker in block]
            lane = _lane(tails, own, layer, last_reader)
            above = [rows[n] for n in own] + ([rows[tails[lane]]] if lane < len(tails) else [])
            rows.append(max((row + 1 for row in above), default=starts[-1]))
            lanes.append(lane)
            tails[lane : lane + 1] = [layer]
        counts += [len(tails)] * len(block)
    return Layout(tuple(rows), tuple(lanes), tuple(counts), tuple(starts))


def _lane(
    tails: Sequence[int], makers: Sequence[int], layer: int, last_reader: dict[int, int]
) -> int:
    """The lane below one of the makers, else one whose lowest layer was read for the last time,
    else a new one. ``tails`` are the lowest layers of the lanes."""
    below = [lane for lane, tail in enumerate(tails) if tail in makers]
    free = [n for n, tail in enumerate(tails) if last_reader.get(tail, layer) < layer]
    return [*below, *free, len(tails)][0]
