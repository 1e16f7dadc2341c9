"""Places in the pool: rectangles in address and time that never overlap.

What a search asks most often is compiled by numba.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numba import njit

from compiler.schedule.blocks import aligned

_ROOM = 64
"""Places for which an arena has room at first."""

_compiled = njit(cache=True)


class Placed(NamedTuple):
    """Words ``[address, address + words)`` taken from step ``first`` to step ``last``."""

    address: int
    words: int
    first: int
    last: int


ADDRESS, WORDS, FIRST, LAST = range(len(Placed._fields))


class Arena:
    """A pool of ``words`` words over time. Everything begins on a line.

    ``taken`` has what is known to lie there. What begins later than anything that was asked about
    waits apart, so that it need not be looked at.
    """

    def __init__(self, words: int, taken: Iterable[Placed] = ()) -> None:
        self.words = words
        self._rows = np.zeros((_ROOM, len(Placed._fields)), np.int64)
        self._count = 0
        self._later = sorted(taken, key=lambda p: -p.first)
        self._asked = -1

    def continued(self, taken: Iterable[Placed]) -> Arena:
        """A copy, but for what begins later than the steps asked about: of that, what ``taken``
        has."""
        other = Arena(self.words, (p for p in taken if p.first > self._asked))
        other._rows, other._count, other._asked = self._rows.copy(), self._count, self._asked
        return other

    def place(self, words: int, first: int, last: int) -> int | None:
        """An address free during the steps, taken; None if there is none."""
        address = self.find(words, first, last)
        if address is not None:
            self.take(address, words, first, last)
        return address

    def take(self, address: int, words: int, first: int, last: int) -> None:
        """Take a place that ``find`` gave."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._count = _insert(self._rows, self._count, address, aligned(words), first, last)

    def cut(self, address: int, first: int, last: int) -> None:
        """Let the place that was taken there from step ``first`` on end with step ``last``."""
        rows = self._rows[: self._count]
        (at,) = np.flatnonzero((rows[:, ADDRESS] == address) & (rows[:, FIRST] == first))
        rows[at, LAST] = last

    def forget_before(self, step: int) -> None:
        """Drop what ends before ``step``; nothing is asked about earlier steps any more."""
        self._count = _forget(self._rows, self._count, step)

    def find(self, words: int, first: int, last: int) -> int | None:
        """The start of the smallest gap of ``words`` free words during the steps, or None."""
        self._ask(last)
        address = _gap(self._rows, self._count, self.words, aligned(words), first, last)
        return address if address >= 0 else None

    def earliest(self, words: int, low: int, use: int, last: int) -> tuple[int, int] | None:
        """``(step, address)``: the first step from ``low`` to ``use`` from which on, to ``last``,
        ``words`` words are free. None if they are not even free from ``use`` on.
        """
        self._ask(last)
        size = aligned(words)
        step, address = _earliest(self._rows, self._count, self.words, size, low, use, last)
        return (step, address) if address >= 0 else None

    def _ask(self, last: int) -> None:
        """Note that steps to ``last`` are asked about."""
        if last > self._asked:
            self._asked = last
            while self._later and self._later[-1].first <= last:
                self.take(*self._later.pop())


@_compiled
def _insert(rows, count, address, words, first, last):  # type: ignore[no-untyped-def]
    """Add a place behind those with lower addresses; how many there are then."""
    at = count
    while at > 0 and rows[at - 1, ADDRESS] > address:
        rows[at] = rows[at - 1]
        at -= 1
    rows[at, ADDRESS], rows[at, WORDS] = address, words
    rows[at, FIRST], rows[at, LAST] = first, last
    return count + 1


@_compiled
def _forget(rows, count, step):  # type: ignore[no-untyped-def]
    """Drop the places that end before ``step``; how many are left."""
    left = 0
    for i in range(count):
        if rows[i, LAST] >= step:
            rows[left] = rows[i]
            left += 1
    return left


@_compiled
def _gap(rows, count, words, size, first, last):  # type: ignore[no-untyped-def]
    """Where the smallest gap of ``size`` words starts during the steps, -1 if there is none."""
    address, best, smallest = 0, -1, words + 1
    for i in range(count):
        if rows[i, FIRST] <= last and rows[i, LAST] >= first:
            begin = rows[i, ADDRESS]
            if size <= begin - address < smallest:
                best, smallest = address, begin - address
            address = max(address, begin + rows[i, WORDS])
    return address if size <= words - address < smallest else best


@_compiled
def _earliest(rows, count, words, size, low, use, last):  # type: ignore[no-untyped-def]
    """Step and address as in ``Arena.earliest``, the address -1 for None. What is free from a step
    on is free from every later step on, so that the step can be searched by halves."""
    address = _gap(rows, count, words, size, low, last)
    if address >= 0 or low >= use:
        return low, address
    step, address = use, _gap(rows, count, words, size, use, last)
    if address < 0:
        return use, address
    while low + 1 < step:
        middle = (low + step) // 2
        found = _gap(rows, count, words, size, middle, last)
        if found >= 0:
            step, address = middle, found
        else:
            low = middle
    return step, address
