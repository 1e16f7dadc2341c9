"""Points shared out into tasks that take about a second each or more, whatever a point takes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from compiler.explore.space import Point

SECONDS, PER_WORKER = 1.0, 0.02
"""Seconds that a task should take: much more than what the scheduler needs for it, and with many
workers so long that 50 tasks a second keep all of them at work."""
MOST = 1024
"""Points of a task at most."""


class Chunks:
    """Shares out a list of points, neighbours of which are alike.

    Each worker has a stretch of the list, of which it takes from the front: what it has planned for
    a point serves the next ones. One that has none left gets half of the longest. Points of one
    machine stay together where that costs at most half a task. Call ``note`` with the seconds that
    points took.
    """

    def __init__(self, points: Sequence[Point], seconds: float | None = None) -> None:
        self._points = points
        self._left = len(points)
        self._stretches: dict[Hashable, range] = {}
        self.seconds = seconds
        """Seconds of a point, averaged over the last ones."""

    def note(self, count: int, seconds: float) -> None:
        """Note that ``count`` points took so many seconds."""
        each = seconds / count
        self.seconds = each if self.seconds is None else 0.7 * self.seconds + 0.3 * each

    def take(self, worker: Hashable, workers: int) -> Sequence[Point]:
        """The points of the next task of a worker, one of so many; empty when none are left."""
        if not self._left:
            return []
        stretch = self._stretches.get(worker) or self._share()
        most = min(self._size(workers), len(stretch))
        found = self._points[stretch.start : stretch.start + most]
        for size in range(len(found) - 1, (most - 1) // 2, -1):
            if found[size].machine != found[size - 1].machine:
                found = found[:size]
                break
        self._stretches[worker] = stretch[len(found) :]
        self._left -= len(found)
        return found

    def _share(self) -> range:
        """A stretch for a worker that has none: the later half of the longest, from the start of a
        machine where one is near."""
        if not self._stretches:
            return range(len(self._points))
        owner = max(self._stretches, key=lambda worker: len(self._stretches[worker]))
        stretch = self._stretches[owner]
        middle = len(stretch) // 2
        for at in range(middle, min(len(stretch), middle + MOST)):
            if at and self._machine(stretch[at]) != self._machine(stretch[at - 1]):
                middle = at
                break
        self._stretches[owner] = stretch[:middle]
        return stretch[middle:]

    def _machine(self, number: int) -> object:
        return self._points[number].machine

    def _size(self, workers: int) -> int:
        """Points of the next task: fewer at the end, so that workers end together."""
        share = -(-self._left // (2 * workers))
        aim = max(SECONDS, PER_WORKER * workers)
        wanted = 1 if self.seconds is None else int(aim / max(self.seconds, 1e-6))
        return max(1, min(wanted, share, MOST))
