"""Tile operations in program order, with places for their buffers and the LOADs that fill them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from itertools import takewhile
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from compiler.hwir.feature_map import FeatureMap
from compiler.lru_cache import HashedKey, LruCache
from compiler.schedule import placement_kernels
from compiler.schedule.allocate import Placed
from compiler.schedule.map_writers import Writers
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.tile_op_sequence import TileOpSequence
from compiler.schedule.tile_ops import Buffer, TileOp

STRETCH = 8
"""Layers, about, that are placed and kept together."""

LOAD_DELAY = 80
"""Cycles from the start of a LOAD to its first word and from the last word to a waiting EXECUTE."""


Numbered = tuple[range, TileOpSequence]
"""Layers that run together: their numbers and their tile operations."""


class State:
    """State that the places and times of later tile operations follow from, those counted from
    here on: ``numbers`` as ``placement_kernels`` makes them, ``key`` for comparing."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers
        self.key = HashedKey(numbers.tobytes())
        self.tail = int(numbers[placement_kernels.TAIL])


class Stretch(NamedTuple):
    """A few layers' tile operations, placed after some state.

    ``tile_ops`` and ``loads`` (of each group) are rows of ``placement_kernels``; they count cycles
    and tile operations from the stretch's beginning. ``before`` is the last tile operation of the
    output buffer of the one before. ``waits`` are cycles that the array waits for each layer's
    data; ``state`` is the one after the stretch, ``failed`` the layer that finds no room, or -1.
    """

    tile_ops: np.ndarray
    loads: list[np.ndarray]
    before: int
    waits: list[int]
    state: State
    failed: int

    @property
    def cycles(self) -> int:
        """Cycles from the end of the tile operation before to that of the last one."""
        return int(self.tile_ops[-1, placement_kernels.END])


class Part(NamedTuple):
    """Groups of layers as a stretch; with how many groups, tile operations and maps, by where
    these begin, there are up to its end."""

    groups: list[Numbered]
    stretch: Stretch
    end: int
    tile_ops: int
    maps: int


class NoRoom(Exception):
    """The buffers of a layer do not fit between the maps; ``begun`` are the layers before it."""

    def __init__(self, layer: int, begun: Placement) -> None:
        super().__init__(layer)
        self.layer = layer
        self.begun = begun


def placement_of(
    maps: dict[str, FeatureMap],
    groups: list[Numbered],
    words: int,
    taken: Iterable[Placed],
    known: LruCache[Stretch],
    begun: Placement | None = None,
    like: Placement | None = None,
) -> Placement:
    """The tile operations of all layers of a network with these ``maps``, which have ``taken`` some
    of the scratchpad's ``words``. Raises NoRoom.

    It places their buffers and models when the bus and the array are free. LOADs stay in the order
    in which their data are wanted. Each is placed as early as there is room for it from then on to
    its last use, but not before the bus could begin with it. Layers that follow a known state are
    not placed again, wherever they stand in whatever network. Those that are as in ``begun`` from
    the network's beginning, or as in ``like`` to its end, are not even looked at.
    """
    places = np.array(sorted(taken, key=attrgetter("first", "address")), np.int64).reshape(-1, 4)
    starts = places[:, placement_kernels.FIRST].tolist()
    parts = begun.prefix(groups, places) if begun else []
    state, writers = State(placement_kernels.START_STATE), Writers(maps)
    index = tile_ops = seen = 0
    for part in parts:
        _note(writers, part.groups, tile_ops)
        state, (_, _, index, tile_ops, seen) = part.stretch.state, part
    same = _Ending(groups, places, like) if like else None
    while index < len(groups):
        rest = same.parts(index, tile_ops, seen, state) if same else None
        if rest is not None:
            return Placement(groups, places, parts + rest)
        own = _part(groups, index)
        base, low = tile_ops, tile_ops - state.tail + 1
        afters = list[int]()
        for numbered in own:
            afters += numbered[1].afters(writers, low)
            tile_ops = _note(writers, [numbered], tile_ops)
        near = bisect_right(starts, tile_ops, seen)
        taking = places[seen:near] - np.array((0, 0, base, base))
        after, sequences = tuple(a - low for a in afters), tuple(group for _, group in own)
        stretch = known.get(
            (words, state.key, sequences, taking.tobytes(), after),
            partial(_placed, state, sequences, words, taking, after),
        )
        if stretch.failed >= 0:
            layers, _ = own[0]
            raise NoRoom(layers.start + stretch.failed, Placement(groups, places, parts))
        index, seen, state = index + len(own), near, stretch.state
        parts.append(Part(own, stretch, index, tile_ops, seen))
    return Placement(groups, places, parts)


def _note(writers: Writers, groups: Sequence[Numbered], tile_ops: int) -> int:
    """Note what the groups make, whose tile operations begin with that number; the number after
    their last."""
    for _, group in groups:
        for output, made in zip(group.outputs, group.made, strict=True):
            writers.add(output, tile_ops, made)
        tile_ops += len(group.tile_ops)
    return tile_ops


def _part(groups: Sequence[Numbered], index: int) -> list[Numbered]:
    """A few groups from ``index`` on; parts end at the same layers however the layers are grouped,
    where they can."""
    for end in range(index, len(groups)):
        layers, _ = groups[end]
        if layers.start // STRETCH < layers.stop // STRETCH:
            break
    return list(groups[index : end + 1])


class _Ending:
    """The last groups of a network that are the same in a placement ``like`` its own."""

    def __init__(self, groups: list[Numbered], places: np.ndarray, like: Placement) -> None:
        self._places, self._like = places, like
        self._more = len(like.groups) - len(groups)
        pairs = zip(reversed(groups), reversed(like.groups), strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._first, self._begin = len(groups) - same, -1

    def parts(self, index: int, tile_ops: int, seen: int, state: State) -> list[Part] | None:
        """The parts from a group on if they lie as in ``like``, None if they do not.

        They do after an equal state, if maps lie at the same places from there on, and all tile
        operations that may be waited for are the same.
        """
        if index < self._first:
            return None
        if self._begin < 0:
            self._begin = tile_ops
        number = self._like.ends.get(index + self._more)
        if number is None or tile_ops - self._begin < state.tail:
            return None
        last = self._like.parts[number]
        shift = tile_ops - last.tile_ops, seen - last.maps
        own, others = self._places[seen:], self._like.places[last.maps :]
        moved = np.array((0, 0, shift[0], shift[0]))
        if state.key != last.stretch.state.key or not np.array_equal(own, others + moved):
            return None
        return [
            Part(p.groups, p.stretch, p.end - self._more, p.tile_ops + shift[0], p.maps + shift[1])
            for p in self._like.parts[number + 1 :]
        ]


def _placed(
    state: State,
    groups: Sequence[TileOpSequence],
    words: int,
    taken: np.ndarray,
    afters: Sequence[int],
) -> Stretch:
    """The groups placed after ``state``; ``taken`` are places of maps that begin from there on.
    ``afters`` count from the earliest tile operation of a LOAD."""
    tail, layers, windows = state.tail, 0, 0
    counts = [len(group.tile_ops) for group in groups]
    loads = [np.zeros((len(group.loads), 2), np.int64) for group in groups]
    places = int(state.numbers[placement_kernels.PLACES]) + len(taken)
    placed = np.zeros((tail + sum(counts), 4), np.int64)
    rows = np.zeros((places + sum(counts) + sum(map(len, loads)), 4), np.int64)
    arena, now = np.array([0, words]), np.zeros(3, np.int64)
    placement_kernels.begin(state.numbers, taken, rows, arena, placed, now)
    base, waits, failed = tail, list[int](), -1
    for group, own in zip(groups, loads, strict=True):
        after = [1 + a for a in afters[windows : windows + len(group.windows)]]
        failed = placement_kernels.place_tile_ops(
            rows,
            arena,
            group.tile_op_rows,
            group.load_rows_at(base, after),
            base,
            placed,
            own,
            now,
            LOAD_DELAY,
        )
        if failed >= 0:
            failed = layers + group.tile_ops[failed].layer
            break
        end = base + len(group.tile_ops)
        idle = (
            placed[base:end, placement_kernels.START]
            - placed[base - 1 : end - 1, placement_kernels.END]
        )
        waits += np.bincount(group.layer_of, idle, len(group.made)).astype(np.int64).tolist()
        base, layers, windows = end, layers + len(group.made), windows + len(group.windows)
        own[:, placement_kernels.ISSUE] -= tail
    then = state if failed >= 0 else _state_after(rows, arena, placed, now)
    before = int(placed[tail - 1, placement_kernels.OUTPUT_LAST]) - tail
    placed[:, placement_kernels.OUTPUT_LAST] -= tail
    return Stretch(placed[tail:], loads, before, waits, then, failed)


def _state_after(rows: np.ndarray, arena: np.ndarray, placed: np.ndarray, now: np.ndarray) -> State:
    """The state after tile operations that are placed."""
    numbers = np.zeros(placement_kernels.HEAD + placed.size + rows.size, np.int64)
    return State(numbers[: placement_kernels.end(rows, arena, placed, now, numbers)].copy())


class Placement:
    """The tile operations of a network's groups of layers in ``parts``, next to maps at
    ``places``, which are rows of ``placement_kernels`` by their first tile operations."""

    def __init__(self, groups: list[Numbered], places: np.ndarray, parts: list[Part]) -> None:
        self.groups, self.places, self.parts = groups, places, parts

    @cached_property
    def ends(self) -> dict[int, int]:
        """The number of each part by how many groups there are up to its end."""
        return {part.end: number for number, part in enumerate(self.parts)}

    def prefix(self, groups: list[Numbered], places: np.ndarray) -> list[Part]:
        """The first parts, as far as these groups and places are the same."""
        pairs = zip(groups, self.groups, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        least = min(len(places), len(self.places))
        unlike = np.flatnonzero((places[:least] != self.places[:least]).any(axis=1))
        maps = int(unlike[0]) if len(unlike) else least
        starts = [
            rows[maps, placement_kernels.FIRST]
            for rows in (places, self.places)
            if maps < len(rows)
        ]
        count = bisect_right(self.parts, same, key=attrgetter("end"))
        while count and any(start <= self.parts[count - 1].tile_ops for start in starts):
            count -= 1
        return self.parts[:count]

    @cached_property
    def cycles(self) -> int:
        """Modelled cycles of the tile operations; a segment may have none."""
        if not self.parts:
            return 0
        state = self.parts[-1].stretch.state.numbers
        rest = max(state[placement_kernels.STATE_BUS], state[placement_kernels.STATE_WRITTEN], 0)
        return sum(part.stretch.cycles for part in self.parts) + int(rest)

    @property
    def waits(self) -> list[int]:
        """Modelled cycles in which the array waits for the data of each layer."""
        return [cycles for part in self.parts for cycles in part.stretch.waits]

    def placed(self, plans: list[OpPlan]) -> tuple[list[TileOp], list[Buffer]]:
        """The tile operations of the network with these plans, and the buffers that LOADs fill, in
        order."""
        tile_ops: list[TileOp] = []
        loads: list[Buffer] = []
        for part, stretch, *_ in self.parts:
            first = len(tile_ops)
            if tile_ops and tile_ops[-1].output:
                tile_ops[-1].output.last = first + stretch.before
            rows = stretch.tile_ops + np.array((0, 0, 0, first))
            for (layers, group), own in zip(part, stretch.loads, strict=True):
                base = len(tile_ops)
                made, filled = group.placed(
                    base,
                    layers.start,
                    plans[layers.start : layers.stop],
                    rows[base - first : base - first + len(group.tile_ops)],
                    own + np.array((0, first)),
                )
                tile_ops += made
                loads += filled
        return tile_ops, loads
