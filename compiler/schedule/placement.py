"""Tile operations in program order, with places for their buffers and the LOADs that fill them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from operator import attrgetter

import numpy as np

from compiler.hwir.feature_map import FeatureMap
from compiler.lru_cache import LruCache
from compiler.schedule import placement_kernels
from compiler.schedule.allocate import Arena, Placed
from compiler.schedule.cost import COMMAND_CYCLES
from compiler.schedule.map_writers import Writers
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.tile_op_sequence import TileOpSequence
from compiler.schedule.tile_ops import Buffer, TileOp

STRETCH = 8
"""Layers, at least, from one placement that is kept to the next."""

LOAD_DELAY = 80
"""Cycles from the start of a LOAD to its first word and from the last word to a waiting EXECUTE."""


class NoRoom(Exception):
    """The buffers of a layer do not fit between the maps."""

    def __init__(self, layer: int) -> None:
        super().__init__(layer)
        self.layer = layer


Numbered = tuple[range, TileOpSequence]
"""Layers that run together: their numbers and their tile operations."""


def placement_of(
    maps: dict[str, FeatureMap],
    groups: Sequence[Numbered],
    words: int,
    taken: Iterable[Placed],
    known: LruCache[Placement],
) -> Placement:
    """The tile operations of all layers of a network with these ``maps``, which have ``taken`` some
    of the scratchpad's ``words``. Raises NoRoom.

    What is known of networks that begin alike is not done again.
    """
    places = sorted(taken, key=attrgetter("first", "address"))
    rows = np.array(places, np.int64).reshape(-1, len(Placed._fields))
    tile_ops = seen = 0
    placement = known.get(words, lambda: Placement(Arena(words), Writers(maps)))
    for stretch in _stretches(groups):
        tile_ops += sum(len(group.tile_ops) for _, group in stretch)
        near = bisect_right(places, tile_ops, seen, key=attrgetter("first"))
        placement = known.get(
            (placement, *(group for _, group in stretch), *places[seen:near]),
            partial(placement.extended, maps, rows, stretch),
        )
        seen = near
    return placement


def _stretches(groups: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """The groups in parts of a few layers each."""
    stretch: list[Numbered] = []
    for numbered in groups:
        stretch.append(numbered)
        if numbered[0].stop - stretch[0][0].start >= STRETCH or numbered is groups[-1]:
            yield stretch
            stretch = []


class Placement:
    """The tile operations of a network's first layers.

    It places their buffers and models when the bus and the array are free. LOADs stay in the order
    in which their data are wanted. Each is placed as early as there is room for it from then on to
    its last use, but not before the bus could begin with it.
    """

    def __init__(self, arena: Arena, writers: Writers) -> None:
        self._arena = arena
        self._writers = writers
        self._groups: list[Numbered] = []
        self._tile_ops = placement_kernels.EMPTY
        self._loads: list[np.ndarray] = []
        self._now = np.zeros(3, np.int64)

    @property
    def cycles(self) -> int:
        """Modelled cycles of the tile operations."""
        end = self._tile_ops[-1, placement_kernels.END] if len(self._tile_ops) else 0
        return int(max(end, self._now[placement_kernels.WRITTEN], self._now[placement_kernels.BUS]))

    def waits(self, layers: int) -> list[int]:
        """Modelled cycles in which the array waits for the data of each of ``layers`` layers."""
        found = [0] * layers
        numbers = (
            together.start + tile_op.layer
            for together, group in self._groups
            for tile_op in group.tile_ops
        )
        begins, ends = (
            self._tile_ops[:, placement_kernels.START],
            self._tile_ops[:, placement_kernels.END],
        )
        idle = begins - np.concatenate([[0], ends[:-1]])
        for layer, cycles in zip(numbers, idle.tolist(), strict=True):
            found[layer] += cycles
        return found

    def placed(self, plans: list[OpPlan]) -> tuple[list[TileOp], list[Buffer]]:
        """The tile operations of the network with these plans, and the buffers that LOADs fill, in
        order."""
        tile_ops: list[TileOp] = []
        loads: list[Buffer] = []
        for (together, group), rows in zip(self._groups, self._loads, strict=True):
            base = len(tile_ops)
            made, filled = group.placed(
                base,
                together.start,
                plans[together.start : together.stop],
                self._tile_ops[base : base + len(group.tile_ops)],
                rows,
            )
            tile_ops += made
            loads += filled
        return tile_ops, loads

    def extended(
        self,
        maps: dict[str, FeatureMap],
        taken: np.ndarray,
        chained: Sequence[Numbered],
    ) -> Placement:
        """A copy with the tile operations of these groups of layers too, in a network with these
        maps, of which ``taken`` are in the scratchpad, as rows in the order in which they begin."""
        other = Placement(self._arena.continued(taken), self._writers.continued(maps))
        other._groups, other._loads = [*self._groups, *chained], self._loads[:]
        other._now = self._now.copy()
        more = sum(len(group.tile_ops) for _, group in chained)
        other._tile_ops = np.concatenate([self._tile_ops, np.zeros((more, 4), np.int64)])
        base = len(self._tile_ops)
        for together, group in chained:
            other._place(together, group, base)
            base += len(group.tile_ops)
        return other

    def _place(self, together: range, group: TileOpSequence, base: int) -> None:
        """Place the group's buffers; its first tile operation has number ``base``."""
        arena, loads = self._arena, group.load_rows_at(base, self._writers)
        arena.make_room(len(group.tile_ops) + len(loads))
        self._loads.append(np.zeros((len(loads), 2), np.int64))
        failed = placement_kernels.place_tile_ops(
            arena.rows,
            arena.later,
            arena.state,
            group.tile_op_rows,
            loads,
            base,
            self._tile_ops,
            self._loads[-1],
            self._now,
            COMMAND_CYCLES,
            LOAD_DELAY,
        )
        if failed >= 0:
            raise NoRoom(together.start + group.tile_ops[failed].layer)
        for output, made in zip(group.outputs, group.made, strict=True):
            self._writers.add(output, base, made)
