"""Places where points are worked out: this process, its cores, or wherever Dask's workers are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from compiler.explore.space import Point, Space
from compiler.explore.worker import Row, evaluate


class Workers(Protocol):
    """A place where points are worked out."""

    def run(self, points: Sequence[Point]) -> Iterator[list[Row]]:
        """Rows of all points, as they come."""


class Here:
    """This process."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def run(self, points: Sequence[Point]) -> Iterator[list[Row]]:
        """Rows of all points, one after another."""
        for point in points:
            yield evaluate(self._space, [point])


@contextmanager
def workers_of(space: Space, count: int | None, scheduler: str | None) -> Iterator[Workers]:
    """The workers at a scheduler's address, or else ``count`` processes: as many as cores unless
    given, for 1 this one. Raises InputError when there is no scheduler at the address."""
    count = count or len(os.sched_getaffinity(0))
    if scheduler is None and count == 1:
        yield Here(space)
        return
    from compiler.explore.cluster import cluster

    with cluster(space, count, scheduler) as found:
        yield found
