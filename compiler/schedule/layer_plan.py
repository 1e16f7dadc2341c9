"""How one layer runs: array shape, tiles, weight chunks and what passes through memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from compiler.passes.layer import FeatureMap, Layer
from compiler.schedule.blocks import Chunk
from compiler.schedule.tiles import Tile
from hw.spec.config import AccelConfig

Order = Literal["keep", "reload", "outer"]
"""keep: weights stay for all tiles. reload: for each tile, all weights again. outer: for each chunk
of weights, all tiles again."""


@dataclass(frozen=True)
class Streams:
    """Which operands of a layer pass through memory instead of lying whole in the pool."""

    source: bool
    output: bool
    other: bool

    @property
    def any(self) -> bool:
        return self.source or self.output or self.other


@dataclass(frozen=True)
class Site:
    """A layer with its maps and where these are."""

    layer: Layer
    source: FeatureMap
    output: FeatureMap
    other: FeatureMap | None
    streams: Streams
    config: AccelConfig


@dataclass(frozen=True)
class LayerPlan:
    """The decision for one layer.

    ``compute`` (cycles of the EXECUTEs), ``words`` (moved from and to memory) and ``cycles`` are
    estimates; ``need`` is the pool words that it takes beside the maps that lie there.
    ``together`` names the layers of its chain, if it runs strip by strip with others.
    """

    site: Site
    shape: int
    chunks: tuple[Chunk, ...]
    tiles: tuple[Tile, ...]
    order: Order
    compute: int
    words: int
    cycles: float
    need: int
    together: tuple[str, ...] = ()

    def steps(self) -> Iterator[tuple[int, int]]:
        """Pairs (tile, chunk) in the order of execution."""
        if self.order == "outer":
            yield from ((t, c) for c in range(len(self.chunks)) for t in range(len(self.tiles)))
        else:
            yield from ((t, c) for t in range(len(self.tiles)) for c in range(len(self.chunks)))


def input_planes(site: Site, chunk: Chunk) -> tuple[int, int]:
    """First plane and number of planes of the input that are loaded for the chunk.

    Those that it reads, but all of a network input, whose pixels are loaded whole.
    """
    if site.source.external:
        return 0, site.source.planes(site.config.cols)
    low = min(r.in_plane for r in chunk.runs)
    high = max(r.in_plane + (r.blocks - 1) * r.in_step + r.in_blocks for r in chunk.runs)
    return low, high - low + max(r.plane for r in site.layer.regions)


def other_planes(site: Site, chunk: Chunk) -> tuple[int, int]:
    """First plane and number of planes of the second operand that are loaded for the chunk."""
    if site.other is not None and site.other.external:
        return 0, site.other.planes(site.config.cols)
    return chunk.first_plane, chunk.planes
