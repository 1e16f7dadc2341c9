"""Plan of one layer: array shape, tiles, weight chunks and the maps that pass through memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp
from compiler.lru_cache import HashedKey
from compiler.schedule.channel_blocks import BlockRange, Chunk, chunk_limit
from compiler.schedule.cost import Window, execute_cycles, waiting_cycles
from compiler.schedule.search_trace import Choice
from compiler.schedule.tiles import Tile, input_tiles, windows
from hw.spec.config import AccelConfig

Order = Literal["keep", "reload", "outer"]
"""keep: weights stay for all tiles. reload: for each tile, all weights again. outer: for each chunk
of weights, all tiles again."""


ExecuteCycles = Callable[[ArrayOp, BlockRange, Window, AccelConfig], int]

CRAMPED = 1.45
"""A layer whose estimate is that much above its larger part, computing or moving, lacks room."""


class Streams(NamedTuple):
    """Operands of a layer that pass through memory instead of lying whole in the scratchpad."""

    source: bool
    output: bool
    other: bool

    @property
    def any(self) -> bool:
        """Whether anything is streamed."""
        return self.source or self.output or self.other


@dataclass(frozen=True)
class Site:
    """A layer with its maps and where these are."""

    op: ArrayOp
    source: FeatureMap
    output: FeatureMap
    other: FeatureMap | None
    streams: Streams
    config: AccelConfig

    @cached_property
    def geometry(self) -> HashedKey:
        """All of a site that its plans follow from, but the free words: shapes, places and the
        machine's array, no values of weights but which of sparse ones are 0."""
        source, output, other = self.source, self.output, self.other
        return HashedKey(
            (
                self.streams,
                planned_for(self.config),
                self.op.geometry,
                source.extent,
                source.external,
                output.extent,
                output.stored,
                other and (other.extent, other.external),
            )
        )


@lru_cache(64)
def planned_for(config: AccelConfig) -> Hashable:
    """All of a machine that plans of layers follow from, but the free words of its scratchpad."""
    own = {f.name: getattr(config, f.name) for f in fields(config)}
    memory = {f.name: getattr(config.memory, f.name) for f in fields(config.memory)}
    del own["name"], own["scratchpad_bytes"], own["queue_depth"], own["memory"], memory["latency"]
    return *own.values(), *memory.values(), chunk_limit(config)


class Tiling:
    """The ``tiles`` in which a site's layer runs, with the pixels of the input that each reads."""

    def __init__(self, site: Site, tiles: tuple[Tile, ...]) -> None:
        self.tiles = tiles
        self.inputs = input_tiles(site.op, site.source, tiles)
        self._site = site

    @cached_property
    def windows(self) -> list[tuple[Window, ...]]:
        """Windows of each tile in the order of the array."""
        op, streams, width = self._site.op, self._site.streams.output, self._site.output.width
        return [tuple(windows(op, tile, tile.width if streams else width)) for tile in self.tiles]

    @cached_property
    def pixels(self) -> Pixels:
        """Pixels of the tiles."""
        return _pixels(self.tiles)

    @cached_property
    def input_pixels(self) -> Pixels:
        """Pixels of the input that the tiles read."""
        return _pixels(self.inputs)

    @cached_property
    def window_counts(self) -> Counter[tuple[Window, ...]]:
        """Number of tiles with the same windows."""
        return Counter(self.windows)


class Pixels(NamedTuple):
    """Pixels of several tiles: of the largest, and of all."""

    most: int
    total: int


def _pixels(tiles: Sequence[Tile]) -> Pixels:
    each = [(bottom - top) * (right - left) for top, bottom, left, right in tiles]
    return Pixels(max(each), sum(each))


@dataclass(frozen=True, eq=False)
class Work:
    """EXECUTEs of a layer, in whatever order: an array shape, tiles and chunks.

    One may serve all sites of the same geometry; ``site`` is the first of them.
    """

    site: Site
    shape: int
    tiling: Tiling
    chunks: tuple[Chunk, ...]

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """Tiles of the output, in order."""
        return self.tiling.tiles

    @cached_property
    def cycles(self) -> int:
        """Cycles of all EXECUTEs, each of which waits for the one before it."""
        return self._sum(waiting_cycles)

    @cached_property
    def least(self) -> int:
        """Cycles of all EXECUTEs, each set up beside the one before it."""
        return self._sum(execute_cycles)

    def _sum(self, cycles: ExecuteCycles) -> int:
        """Of all EXECUTEs; equal tiles and runs are looked at once."""
        op, config, shapes = self.site.op, self.site.config, self.tiling.window_counts
        ranges = Counter(r.extent for chunk in self.chunks for r in chunk.ranges)
        found = {r.extent: r for chunk in self.chunks for r in chunk.ranges}
        return sum(
            many * count * cycles(op, found[extent], window, config)
            for shape, many in shapes.items()
            for window in shape
            for extent, count in ranges.items()
        )

    @cached_property
    def tile_ops(self) -> int:
        """Number of the tile operations."""
        return len(self.tiles) * len(self.chunks)

    def tile_op_cycles(self, tile: int, chunk: int, close: bool) -> int:
        """Cycles of the EXECUTEs of one tile with one chunk, by their numbers: to the end of one
        from that of the one before it (``close``), or if each waits for that."""
        key = self.tiling.windows[tile], chunk, close
        found = self._tile_ops.get(key)
        if found is None:
            cycles = execute_cycles if close else waiting_cycles
            found = sum(
                cycles(self.site.op, block_range, window, self.site.config)
                for block_range in self.chunks[chunk].ranges
                for window in key[0]
            )
            self._tile_ops[key] = found
        return found

    @cached_property
    def input_planes(self) -> list[tuple[int, int]]:
        """Result of ``input_planes`` for each chunk."""
        return [input_planes(self.site, chunk) for chunk in self.chunks]

    @cached_property
    def _tile_ops(self) -> dict[tuple[tuple[Window, ...], int, bool], int]:
        """Results of ``tile_op_cycles`` so far."""
        return {}


@dataclass(frozen=True)
class OpPlan:
    """The decision for one layer.

    ``compute`` (cycles of the EXECUTEs), ``words`` (moved from and to memory) and ``cycles`` are
    estimates; ``need`` is the scratchpad words that it takes besides the maps that lie there.
    ``together`` names the layers of its cascade, if it runs strip by strip with others. ``choice``
    is there if the planner keeps a record.
    """

    site: Site
    work: Work
    order: Order
    compute: int
    words: int
    cycles: float
    need: int
    together: tuple[str, ...] = ()
    choice: Choice | None = None

    @cached_property
    def cramped(self) -> bool:
        """Whether the layer lacks room."""
        return self.cycles >= CRAMPED * max(self.compute, self.moving)

    @property
    def moving(self) -> int:
        """Cycles in which the bus moves the layer's words."""
        return self.words * self.site.config.word_cycles

    @property
    def shape(self) -> int:
        """Array shape that the layer runs in."""
        return self.work.shape

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """Chunks of the weights, in order."""
        return self.work.chunks

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """Tiles of the output, in order."""
        return self.work.tiles

    def at(self, site: Site) -> OpPlan:
        """The plan for another site of the same geometry."""
        return OpPlan(
            site,
            self.work,
            self.order,
            self.compute,
            self.words,
            self.cycles,
            self.need,
            self.together,
            self.choice,
        )

    def like(self, other: OpPlan) -> bool:
        """Whether another plan of the layer has the same array shape, tiles, order and number of
        chunks."""
        own = self.shape, self.tiles, self.order, len(self.chunks)
        return own == (other.shape, other.tiles, other.order, len(other.chunks))

    def tile_ops(self) -> Iterator[tuple[int, int]]:
        """Pairs (tile, chunk) in the order of execution."""
        if self.order == "outer":
            yield from ((t, c) for c in range(len(self.chunks)) for t in range(len(self.tiles)))
        else:
            yield from ((t, c) for t in range(len(self.tiles)) for c in range(len(self.chunks)))


def input_planes(site: Site, chunk: Chunk) -> tuple[int, int]:
    """First plane and number of planes of the input that the chunk reads."""
    low = min(r.in_plane for r in chunk.ranges)
    high = max(r.in_plane + (r.blocks - 1) * r.in_step + r.in_blocks for r in chunk.ranges)
    return low, high - low + max(r.plane for r in site.op.regions)


def other_planes(site: Site, chunk: Chunk) -> tuple[int, int]:
    """First plane and number of planes of the second operand that are loaded for the chunk."""
    return chunk.first_plane, chunk.planes
