"""Tile operations: one tile with one chunk of weights, and its buffers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compiler.hwir.network import ArrayOp
from compiler.schedule.channel_blocks import Chunk
from compiler.schedule.op_plan import OpPlan, Site
from compiler.schedule.tiles import Tile

Role = Literal["weights", "table", "source", "other", "output"]


@dataclass(eq=False, slots=True)
class Buffer:
    """Scratchpad words that hold one thing from tile operation ``first`` to tile operation
    ``last``.

    ``tile`` and ``planes`` (first, count) say which part of ``map`` it holds; constants have none.
    ``issue`` is the tile operation before whose EXECUTE the LOAD is emitted. A window of a map in
    memory can be loaded after the tile operations that store its pixels.
    """

    role: Role
    layer: int
    words: int
    first: int
    last: int
    map: str = ""
    tile: Tile = Tile(0, 0, 0, 0)
    planes: tuple[int, int] = (0, 0)
    chunk: int = 0
    address: int = -1
    issue: int = 0

    def moved(self, tile_ops: int, layers: int, last: int, address: int, issue: int) -> Buffer:
        """The buffer placed, its tile operations and layers counted from ``tile_ops`` and
        ``layers`` less."""
        return Buffer(
            self.role,
            layers + self.layer,
            self.words,
            tile_ops + self.first,
            last,
            self.map,
            self.tile,
            self.planes,
            self.chunk,
            address,
            issue,
        )


@dataclass(eq=False, slots=True)
class TileOp:
    """One tile computed with one chunk. A map without a buffer lies whole in the scratchpad."""

    index: int
    layer: int
    plan: OpPlan
    tile: Tile
    chunk: Chunk
    cycles: int
    weights: Buffer
    table: Buffer | None = None
    source: Buffer | None = None
    other: Buffer | None = None
    output: Buffer | None = None

    @property
    def site(self) -> Site:
        """The layer with its maps."""
        return self.plan.site

    @property
    def op(self) -> ArrayOp:
        """The array operation that this is a part of."""
        return self.plan.site.op

    @property
    def stores(self) -> bool:
        """Whether the output goes to DRAM."""
        return self.output is not None or self.site.output.stored

    @property
    def buffers(self) -> list[Buffer]:
        """Buffers that a LOAD fills, in the order in which they are wanted."""
        wanted = (self.weights, self.table, self.other, self.source)
        return [b for b in wanted if b is not None]
