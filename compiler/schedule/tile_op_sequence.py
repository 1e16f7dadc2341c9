"""Layer plans as sequences of tile operations, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from compiler.schedule import placement_kernels
from compiler.schedule.cascade import Cascade
from compiler.schedule.channel_blocks import aligned
from compiler.schedule.cost import COMMAND_CYCLES, EXECUTE_OVERHEAD, command_cycles
from compiler.schedule.map_writers import Made, Writers
from compiler.schedule.op_plan import OpPlan, other_planes
from compiler.schedule.tile_ops import Buffer, Role, TileOp
from compiler.schedule.tiles import Tile
from hw.spec.isa import Opcode


def together(layers: int, cascades: Sequence[Cascade]) -> Iterator[range]:
    """Numbers of the layers that run together, in order."""
    ends = {cascade.first: cascade.last for cascade in cascades}
    index = 0
    while index < layers:
        numbers = range(index, ends.get(index, index) + 1)
        yield numbers
        index = numbers.stop


def tile_op_spans(groups: Iterable[TileOpSequence]) -> list[tuple[int, int]]:
    """First and last tile operation of each layer of the groups."""
    found: list[tuple[int, int]] = []
    base = 0
    for group in groups:
        found += [(base + made.first, base + made.end - 1) for made in group.made]
        base += len(group.tile_ops)
    return found


class TileOpSequence:
    """The tile operations of layers that run together, one layer or a cascade's strip by strip,
    not placed yet.

    Tile operations and layers count from 0. ``made`` are each layer's tile operations, which
    produce the map of ``outputs``; ``loads`` the buffers to load, in the order in which they are
    needed; ``tile_op_rows`` and ``load_rows`` the input of ``placement_kernels`` for them, except
    AFTER of windows, which have the numbers ``windows``; ``layer_of`` the layer of each tile
    operation. Cycles are modelled closely, or with an allowance (``close``, see ``Known``).
    """

    def __init__(self, plans: Sequence[OpPlan], close: bool = False) -> None:
        ops = [_OpTileOps(i, plan, close) for i, plan in enumerate(plans)]
        self.tile_ops = list[TileOp]()
        self.outputs = [plan.site.op.output for plan in plans]
        self.loads: list[Buffer] = []
        config = plans[0].site.config
        word_cycles, setup = config.word_cycles, config.rows + EXECUTE_OVERHEAD
        rows, layer = [], -1
        for tile_op, commands in _in_order(ops):
            cycles = tile_op.cycles + (setup if close and tile_op.layer != layer else 0)
            layer = tile_op.layer
            self.tile_ops.append(tile_op)
            self.loads += [b for b in tile_op.buffers if b.first == tile_op.index]
            stored = tile_op.chunk.planes * tile_op.tile.pixels if tile_op.stores else 0
            output = aligned(tile_op.output.words) if tile_op.output else 0
            rows.append((cycles, output, stored * word_cycles, len(self.loads), commands))
        self.made = [Made(op.made) for op in ops]
        self.tile_op_rows = np.array(rows, np.int64)
        command = command_cycles(Opcode.LOAD, config) if close else COMMAND_CYCLES
        self.load_rows = np.array(
            [(b.words * word_cycles + command, aligned(b.words), b.last, 0) for b in self.loads],
            np.int64,
        )
        self.windows = [k for k, b in enumerate(self.loads) if b.map]
        self.layer_of = np.array([tile_op.layer for tile_op in self.tile_ops], np.int64)

    def afters(self, writers: Writers, low: int) -> list[int]:
        """AFTER of each of ``windows``: the tile operation after all that make its pixels, or
        ``low`` if these come before that."""
        over: dict[str, int] = {}
        found = []
        for k in self.windows:
            window = self.loads[k]
            if window.map not in over:
                over[window.map] = writers.over(window.map)
            late = over[window.map] > low
            end = writers.end(window.map, window.tile, window.planes) if late else low
            found.append(max(end, low))
        return found

    def load_rows_at(self, base: int, afters: Sequence[int]) -> np.ndarray:
        """``load_rows`` with the tile operations numbered from ``base`` on, and AFTER of
        ``windows``."""
        rows = self.load_rows.copy()
        rows[:, placement_kernels.UNTIL] += base
        rows[self.windows, placement_kernels.AFTER] = afters
        return rows

    def placed(
        self,
        base: int,
        first: int,
        plans: Sequence[OpPlan],
        tile_ops: np.ndarray,
        loads: np.ndarray,
    ) -> tuple[list[TileOp], list[Buffer]]:
        """Its tile operations numbered from ``base`` on, those of layers from number ``first`` on
        with these plans, and the loads; ``tile_ops`` and ``loads`` are the rows placed for them."""
        known = {
            id(b): b.moved(base, first, base + b.last, address, issue)
            for b, (address, issue) in zip(self.loads, loads.tolist(), strict=True)
        }
        made = []
        for tile_op, row in zip(self.tile_ops, tile_ops.tolist(), strict=True):
            last, address = (
                row[placement_kernels.OUTPUT_LAST],
                row[placement_kernels.OUTPUT_ADDRESS],
            )
            made.append(
                TileOp(
                    base + tile_op.index,
                    first + tile_op.layer,
                    plans[tile_op.layer],
                    tile_op.tile,
                    tile_op.chunk,
                    tile_op.cycles,
                    known[id(tile_op.weights)],
                    known.get(id(tile_op.table)),
                    known.get(id(tile_op.source)),
                    known.get(id(tile_op.other)),
                    tile_op.output and tile_op.output.moved(base, first, last, address, 0),
                )
            )
        return made, list(known.values())


def _in_order(ops: list[_OpTileOps]) -> Iterator[tuple[TileOp, int]]:
    """The tile operations of one layer, or of a cascade's layers strip by strip, with the cycles of
    the bus for the commands of their EXECUTEs and STORE."""
    now = 0
    if len(ops) == 1:
        for tile, chunk in ops[0].plan.tile_ops():
            yield ops[0].tile_op(now, tile, chunk), ops[0].bus_cycles(tile, chunk)
            now += 1
        return
    for strip in range(len(ops[0].plan.tiles)):
        for op in ops:
            for chunk in range(len(op.plan.chunks)):
                yield op.tile_op(now, strip, chunk), op.bus_cycles(strip, chunk)
                now += 1


class _OpTileOps:
    """Makes the tile operations of one layer; those that use the same data share a buffer."""

    def __init__(self, index: int, plan: OpPlan, close: bool) -> None:
        self.plan, self._close = plan, close
        self.made: list[TileOp] = []
        site = plan.site
        self._execute, self._store = 0, COMMAND_CYCLES
        if close:
            self._execute, self._store = (
                command_cycles(opcode, site.config) for opcode in (Opcode.EXECUTE, Opcode.STORE)
            )
        if not (site.streams.output or site.output.stored):
            self._store = 0
        self._index = index
        self._known: dict[tuple[Any, ...], Buffer] = {}

    def tile_op(self, now: int, tile_index: int, chunk_index: int) -> TileOp:
        """The tile operation with number ``now``: a tile with a chunk."""
        plan, site = self.plan, self.plan.site
        tile, chunk = plan.tiles[tile_index], plan.chunks[chunk_index]
        weights = self._shared(
            now,
            ("weights", chunk_index, tile_index if plan.order == "reload" else 0),
            lambda: Buffer("weights", self._index, chunk.words, now, now, chunk=chunk_index),
        )
        cycles = plan.work.tile_op_cycles(tile_index, chunk_index, self._close)
        tile_op = TileOp(now, self._index, plan, tile, chunk, cycles, weights)
        if site.op.table is not None:
            words = site.config.table_words
            tile_op.table = self._shared(
                now, ("table",), lambda: Buffer("table", self._index, words, now, now)
            )
        self._add_windows(tile_op, tile_index, chunk_index)
        if site.streams.output:
            tile_op.output = Buffer(
                "output",
                self._index,
                chunk.planes * tile.pixels,
                now,
                now,
                site.op.output,
                tile,
                (chunk.first_plane, chunk.planes),
            )
        self.made.append(tile_op)
        return tile_op

    def bus_cycles(self, tile_index: int, chunk_index: int) -> int:
        """Cycles of the bus for the commands of a tile operation's EXECUTEs and its STORE."""
        if not self._execute:
            return self._store
        work = self.plan.work
        executes = len(work.chunks[chunk_index].ranges) * len(work.tiling.windows[tile_index])
        return executes * self._execute + self._store

    def _add_windows(self, tile_op: TileOp, tile_index: int, chunk_index: int) -> None:
        """The tile operation's operands that come from memory."""
        site, tile, chunk, work = tile_op.site, tile_op.tile, tile_op.chunk, self.plan.work
        round_ = chunk_index if self.plan.order == "outer" else 0
        if site.streams.source:
            planes, part = work.input_planes[chunk_index], work.tiling.inputs[tile_index]
            tile_op.source = self._shared(
                tile_op.index,
                ("source", tile_index, planes, round_),
                lambda: self._window("source", tile_op, site.op.source, part, planes),
            )
        if site.streams.other:
            assert site.other is not None
            wanted, name = other_planes(site, chunk), site.other.name
            tile_op.other = self._shared(
                tile_op.index,
                ("other", tile_op.index if wanted[1] == chunk.planes else tile_index, round_),
                lambda: self._window("other", tile_op, name, tile, wanted),
            )

    def _shared(self, now: int, key: tuple[Any, ...], make: Callable[[], Buffer]) -> Buffer:
        """The buffer of the key, which tile operation ``now`` uses too."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
        found.last = now
        return found

    def _window(
        self, role: Role, tile_op: TileOp, name: str, tile: Tile, planes: tuple[int, int]
    ) -> Buffer:
        """A window of a map in memory."""
        words = planes[1] * tile.pixels
        return Buffer(role, self._index, words, tile_op.index, tile_op.index, name, tile, planes)
