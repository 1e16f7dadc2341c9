"""Places in the pool: rectangles in address and time that never overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.schedule.blocks import aligned


@dataclass(frozen=True)
class Placed:
    """Words ``[address, address + words)`` taken from step ``first`` to step ``last``."""

    address: int
    words: int
    first: int
    last: int


class Arena:
    """A pool of ``words`` words over time. Everything begins on a line."""

    def __init__(self, words: int) -> None:
        self.words = words
        self.fixed: list[Placed] = []
        self.moving: list[Placed] = []

    def place_fixed(self, words: int, first: int, last: int) -> int | None:
        """An address free during the steps, taken; None if there is none. For whole maps."""
        address = self.find(words, first, last)
        if address is not None:
            self.fixed.append(Placed(address, aligned(words), first, last))
        return address

    def take(self, address: int, words: int, first: int, last: int) -> None:
        """Take a place that ``find`` gave."""
        self.moving.append(Placed(address, aligned(words), first, last))

    def cut(self, address: int, first: int, last: int) -> None:
        """Let a moving place that began at step ``first`` end with step ``last``."""
        self.moving = [
            replace(p, last=last) if (p.address, p.first) == (address, first) else p
            for p in self.moving
        ]

    def forget_before(self, step: int) -> None:
        """Drop what ends before ``step``; nothing is asked about earlier steps any more."""
        self.moving = [p for p in self.moving if p.last >= step]
        self.fixed = [p for p in self.fixed if p.last >= step]

    def find(self, words: int, first: int, last: int) -> int | None:
        """The start of the smallest gap of ``words`` free words during the steps, or None."""
        size = aligned(words)
        taken = [
            (p.address, p.words)
            for group in (self.fixed, self.moving) for p in group
            if p.first <= last and first <= p.last
        ]
        taken.sort()
        address, best, gap = 0, None, self.words + 1
        for begin, length in (*taken, (self.words, 0)):
            if size <= begin - address < gap:
                best, gap = address, begin - address
            address = max(address, begin + length)
        return best

    def earliest(self, words: int, low: int, use: int, last: int) -> tuple[int, int] | None:
        """``(step, address)``: the first step from ``low`` to ``use`` from which on, to ``last``,
        ``words`` words are free. None if they are not even free from ``use`` on.

        What is free from a step on is free from every later step on, so that only the ends of
        what lies there matter, and these can be searched by halves.
        """
        ends = {p.last + 1 for group in (self.fixed, self.moving) for p in group}
        candidates = sorted({low, use} | {e for e in ends if low < e < use})
        if self.find(words, use, last) is None:
            return None
        below, at = -1, len(candidates) - 1
        while at - below > 1:
            middle = (below + at) // 2
            if self.find(words, candidates[middle], last) is None:
                below = middle
            else:
                at = middle
        address = self.find(words, candidates[at], last)
        assert address is not None
        return candidates[at], address
