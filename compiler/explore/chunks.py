"""Points shared out into tasks that take about a second each or more, whatever a point takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compiler.explore.space import Point

SECONDS, PER_WORKER = 1.0, 0.02
"""Seconds that a task should take: much more than what the scheduler needs for it, and with many
workers so long that 50 tasks a second keep all of them at work."""
MOST = 1024
"""Points of a task at most."""


class Chunks:
    """Takes points from the front of a list, as many as a task should have.

    Points of one machine stay together where that costs at most half a task. Call ``note`` with the
    seconds that points took.
    """

    def __init__(self, points: Sequence[Point], workers: int, seconds: float | None = None) -> None:
        self._points = points
        self._at = 0
        self._workers = workers
        self.seconds = seconds
        """Seconds of a point, averaged over the last ones."""

    def note(self, count: int, seconds: float) -> None:
        """Note that ``count`` points took so many seconds."""
        each = seconds / count
        self.seconds = each if self.seconds is None else 0.7 * self.seconds + 0.3 * each

    def __iter__(self) -> Iterator[Sequence[Point]]:
        while self._at < len(self._points):
            most = self._size()
            found = self._points[self._at : self._at + most]
            for size in range(len(found) - 1, (most - 1) // 2, -1):
                if found[size].machine != found[size - 1].machine:
                    found = found[:size]
                    break
            self._at += len(found)
            yield found

    def _size(self) -> int:
        """Points of the next task: fewer at the end, so that workers end together."""
        left = len(self._points) - self._at
        share = -(-left // (2 * self._workers))
        aim = max(SECONDS, PER_WORKER * self._workers)
        wanted = 1 if self.seconds is None else int(aim / max(self.seconds, 1e-6))
        return max(1, min(wanted, share, MOST))
