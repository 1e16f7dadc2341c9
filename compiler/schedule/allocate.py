"""Places in the pool: rectangles in address and time that never overlap."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

from compiler.schedule.blocks import aligned


class Placed(NamedTuple):
    """Words ``[address, address + words)`` taken from step ``first`` to step ``last``."""

    address: int
    words: int
    first: int
    last: int


class Arena:
    """A pool of ``words`` words over time. Everything begins on a line.

    ``taken`` has what is known to lie there. What begins later than anything that was asked about
    waits apart, so that it need not be looked at.
    """

    def __init__(self, words: int, taken: Iterable[Placed] = ()) -> None:
        self.words = words
        self._placed: list[Placed] = []
        self._later = sorted(taken, key=lambda p: -p.first)
        self._asked = -1

    def continued(self, taken: Iterable[Placed]) -> Arena:
        """A copy, but for what begins later than the steps asked about: of that, what ``taken``
        has."""
        other = Arena(self.words, (p for p in taken if p.first > self._asked))
        other._placed, other._asked = self._placed[:], self._asked
        return other

    def place(self, words: int, first: int, last: int) -> int | None:
        """An address free during the steps, taken; None if there is none."""
        address = self.find(words, first, last)
        if address is not None:
            self.take(address, words, first, last)
        return address

    def take(self, address: int, words: int, first: int, last: int) -> None:
        """Take a place that ``find`` gave."""
        insort(self._placed, Placed(address, aligned(words), first, last))

    def cut(self, address: int, first: int, last: int) -> None:
        """Let the place that was taken there from step ``first`` on end with step ``last``."""
        at = next(
            i for i, p in enumerate(self._placed) if (p.address, p.first) == (address, first)
        )
        self._placed[at] = self._placed[at]._replace(last=last)

    def forget_before(self, step: int) -> None:
        """Drop what ends before ``step``; nothing is asked about earlier steps any more."""
        self._placed = [p for p in self._placed if p[3] >= step]

    def find(self, words: int, first: int, last: int) -> int | None:
        """The start of the smallest gap of ``words`` free words during the steps, or None."""
        return self._smallest_gap(self._during(first, last), aligned(words), first)

    def _during(self, first: int, last: int) -> list[Placed]:
        """What is taken in some of the steps, by address."""
        if last > self._asked:
            self._asked = last
            while self._later and self._later[-1].first <= last:
                insort(self._placed, self._later.pop())
        return [p for p in self._placed if p[2] <= last and p[3] >= first]

    def _smallest_gap(self, taken: list[Placed], size: int, first: int) -> int | None:
        """Where the smallest gap of ``size`` words starts between those that end with ``first`` or
        later, None if there is none."""
        address, best, gap = 0, None, self.words + 1
        for begin, length, _, end in taken:
            if end >= first:
                if size <= begin - address < gap:
                    best, gap = address, begin - address
                if begin + length > address:
                    address = begin + length
        return address if size <= self.words - address < gap else best

    def earliest(self, words: int, low: int, use: int, last: int) -> tuple[int, int] | None:
        """``(step, address)``: the first step from ``low`` to ``use`` from which on, to ``last``,
        ``words`` words are free. None if they are not even free from ``use`` on.

        What is free from a step on is free from every later step on, so that only the ends of
        what lies there matter, and these can be searched by halves.
        """
        taken, size = self._during(low, last), aligned(words)
        address = self._smallest_gap(taken, size, low)
        if address is not None:
            return low, address
        if self._smallest_gap(taken, size, use) is None:
            return None
        steps = sorted({p.last + 1 for p in taken if p.last < use - 1})
        at = bisect_left(
            steps, True, key=lambda s: self._smallest_gap(taken, size, s) is not None
        )
        step = steps[at] if at < len(steps) else use
        address = self._smallest_gap(taken, size, step)
        assert address is not None
        return step, address
