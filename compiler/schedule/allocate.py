"""Places in the scratchpad: rectangles in address and time that never overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from compiler.schedule import placement_kernels
from compiler.schedule.channel_blocks import aligned


class Placed(NamedTuple):
    """Words ``[address, address + words)`` taken from tile operation ``first`` to tile operation
    ``last``."""

    address: int
    words: int
    first: int
    last: int


def placed_in_turn(words: int, wanted: Sequence[tuple[int, int, int]]) -> list[int]:
    """Addresses in a scratchpad of ``words`` words for whole lines, first and last tile operation,
    each in the smallest gap next to those before; as many as find one."""
    arena, found = Arena(words), np.zeros(len(wanted), np.int64)
    arena.make_room(len(wanted))
    rows = np.array(wanted, np.int64).reshape(-1, 3)
    count = placement_kernels.place_in_turn(arena.rows, arena.state, rows, found)
    addresses: list[int] = found[:count].tolist()
    return addresses


class Arena:
    """A scratchpad of ``words`` words over time. Everything begins on a line.

    ``taken`` has the known placements, in the order in which they begin. Those that start after the
    latest queried tile operation are kept in ``later``, so that queries scan active ones only. The
    arrays are those of ``placement_kernels``.
    """

    def __init__(self, words: int, taken: np.ndarray = placement_kernels.EMPTY) -> None:
        self.later = taken
        self.rows = np.zeros(taken.shape, np.int64)
        self.state = np.zeros(4, np.int64)
        self.state[placement_kernels.ASKED], self.state[placement_kernels.SCRATCHPAD] = -1, words

    def continued(self, taken: np.ndarray) -> Arena:
        """A copy, except what begins later than the tile operations asked about: of that, what
        ``taken`` has."""
        asked, count = self.state[placement_kernels.ASKED], self.state[placement_kernels.COUNT]
        begun = np.searchsorted(taken[:, placement_kernels.FIRST], asked, side="right")
        other = Arena(self.state[placement_kernels.SCRATCHPAD], taken[begun:])
        other.rows = np.concatenate([self.rows[:count], other.rows])
        other.state[:] = self.state
        other.state[placement_kernels.TAKEN] = 0
        return other

    def make_room(self, places: int) -> None:
        """Let ``rows`` have room for that many places more, besides those that wait."""
        waiting = len(self.later) - self.state[placement_kernels.TAKEN]
        missing = int(self.state[placement_kernels.COUNT] + waiting + places - len(self.rows))
        if missing > 0:
            more = np.zeros((max(missing, len(self.rows)), len(Placed._fields)), np.int64)
            self.rows = np.concatenate([self.rows, more])

    def find(self, words: int, first: int, last: int) -> int | None:
        """The start of the smallest gap of ``words`` free words during the tile operations, or
        None."""
        found = placement_kernels.find(
            self.rows, self.later, self.state, aligned(words), first, last
        )
        return found if found >= 0 else None

    def earliest(self, words: int, low: int, use: int, last: int) -> tuple[int, int] | None:
        """``(tile_op, address)``: the first tile operation from ``low`` to ``use`` from which on,
        to ``last``, ``words`` words are free. None if they are not even free from ``use`` on.
        """
        tile_op, address = placement_kernels.earliest(
            self.rows, self.later, self.state, aligned(words), low, use, last
        )
        return (tile_op, address) if address >= 0 else None
