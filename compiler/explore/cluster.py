"""Points worked out by Dask: a local cluster of processes, or a scheduler that runs somewhere."""

from __future__ import annotations

import logging
import time
from asyncio import CancelledError as Cancelled
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TypeAlias

import dask
from distributed import Client, LocalCluster
from distributed.client import Future, as_completed
from distributed.scheduler import KilledWorker

from compiler.errors import Failure, InputError
from compiler.explore.chunks import Chunks
from compiler.explore.space import Point, Space
from compiler.explore.worker import AGAIN, Row, evaluate

Task: TypeAlias = "Future[list[Row]]"
TASKS = 3
"""Tasks of each thread that wait or run: none is idle, and the scheduler has few to keep."""
CONNECT = 20.0
"""Seconds in which a scheduler must answer."""
RECOUNT = 5.0
"""Seconds from one count of the workers to the next."""
LOST = "the scheduler was lost; --resume goes on from what is recorded"
KILLED = "the process that worked on it ended several times, for its memory perhaps"


class Cluster:
    """Workers that Dask has; more may come and go while they run."""

    def __init__(self, client: Client, space: Space) -> None:
        self._client = client
        # To each worker once, not with each task.
        self._space = client.scatter(space, broadcast=True, hash=False)
        self._seconds: float | None = None
        self._counted = -RECOUNT
        self._threads: Mapping[str | None, int] = {}

    def run(self, points: Sequence[Point]) -> Iterator[list[Row]]:
        """Rows of all points, as they come. A task whose worker dies is tried again elsewhere.

        Raises Failure when the scheduler is gone.
        """
        try:
            yield from self._run(points)
        except (OSError, Cancelled, CancelledError):
            raise Failure(LOST) from None

    def _run(self, points: Sequence[Point]) -> Iterator[list[Row]]:
        chunks = Chunks(points, self._seconds)
        tasks = Tasks(self._client, self._space)
        self._fill(chunks, tasks)
        for future, own in tasks.done():
            for rows in _rows(future, own, tasks):
                chunks.note(len(rows), sum(row["seconds"] for row in rows))
                yield rows
            future.release()
            self._fill(chunks, tasks)
        self._seconds = chunks.seconds

    def _fill(self, chunks: Chunks, tasks: Tasks) -> None:
        """Hand tasks over until each thread has TASKS of them."""
        self._recount()
        total = sum(self._threads.values())
        for worker, threads in self._threads.items():
            while tasks.pending[worker] < TASKS * threads:
                points = chunks.take(worker, total)
                if not points:
                    return
                tasks.submit(points, worker)

    def _recount(self) -> None:
        """Count threads by the address of their worker; without any, tasks wait for who comes."""
        if time.monotonic() >= self._counted + RECOUNT:
            self._threads = self._client.ncores() or {None: 1}
            self._counted = time.monotonic()


class Tasks:
    """Tasks that are handed over, with their points; ``pending`` counts those of each worker."""

    def __init__(self, client: Client, space: Future[Space]) -> None:
        self._client, self._space = client, space
        self._tasks: dict[Task, tuple[Sequence[Point], str | None]] = {}
        self._done = as_completed()
        self.pending: Counter[str | None] = Counter()

    def submit(self, points: Sequence[Point], worker: str | None = None) -> None:
        """Hand a task over, for the worker at an address if it is there."""
        own = {} if worker is None else {"workers": [worker], "allow_other_workers": True}
        future = self._client.submit(evaluate, self._space, points, pure=False, **own)
        self._tasks[future] = points, worker
        self.pending[worker] += 1
        self._done.add(future)

    def done(self) -> Iterator[tuple[Task, Sequence[Point]]]:
        """Tasks as they end."""
        for future in self._done:
            points, worker = self._tasks.pop(future)
            self.pending[worker] -= 1
            yield future, points


def _rows(future: Task, points: Sequence[Point], tasks: Tasks) -> list[list[Row]]:
    """The rows of a task; of one that ends its workers the points are tried one by one."""
    if future.status == "finished":
        return [future.result()]
    fault = future.exception()
    if not isinstance(fault, KilledWorker):
        raise fault
    if len(points) > 1:
        for point in points:
            tasks.submit([point])
        return []
    (point,) = points
    row = {"key": point.key, "network": point.network, "reason": KILLED, "seconds": 0.0}
    return [[row | {AGAIN: True}]]


@contextmanager
def cluster(space: Space, count: int, scheduler: str | None) -> Iterator[Cluster]:
    """The workers at a scheduler's address, or ``count`` processes here.

    Raises InputError when there is no scheduler at the address, or one without workers.
    """
    # Nobody reads the page of a local cluster; a worker that waits long for one task is no news.
    with dask.config.set({"distributed.admin.tick.limit": "1h"}):
        if scheduler is None:
            local = LocalCluster(
                count,
                threads_per_worker=1,
                # Any port: another sweep may run on this machine.
                scheduler_kwargs={"dashboard": False, "dashboard_address": ":0"},
                silence_logs=logging.ERROR,
            )
            with local, Client(local) as client:
                yield Cluster(client, space)
            return
        try:
            client = Client(scheduler, timeout=CONNECT)
        except (OSError, ValueError, TimeoutError) as fault:
            raise InputError(f"--scheduler {scheduler}: {fault}") from None
        with client:
            if not client.ncores():
                raise InputError(f"--scheduler {scheduler}: no workers; start `dask worker` there")
            yield Cluster(client, space)
