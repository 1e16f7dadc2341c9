"""``python -m tests.benchmarks.tasks``: what ``explore`` and Dask need for a task, and for a row.

A thousand tasks do nothing, on a thousand threads of this process, which is scheduler, client and
workers too. Seconds are processor time of all of it; bytes those that cross between processes.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import dask
from distributed import Client, LocalCluster

from compiler.explore import cluster
from compiler.explore.space import Point, Space
from compiler.explore.space_file import read_space
from compiler.explore.store import Store
from compiler.explore.worker import Row, evaluate
from tests.benchmarks.measure import print_command

SPACE = """
[machine]
preset = "edge256"
rows = [4, 8, 16, 32]
memory.latency = { from = 1, to = 250, step = 1 }
[[network]]
name = "resnet20"
resolution = 32
[objectives]
cycles = "min"
"""
SECONDS = 20.0
"""Seconds that a point says it took, so that each is a task."""
BATCH = 27
"""Points of a file, about as many as two workers make in two seconds."""


def main() -> int:
    """Print the figures: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("--workers", type=int, default=100, metavar="N")
    parser.add_argument("--threads", type=int, default=10, metavar="N", help="of each worker")
    arguments = parser.parse_args()
    print_command()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "space.toml"
        path.write_text(SPACE)
        space = read_space(path)
        points = [
            point for n in range(space.size()) for point in space.points(space.combination(n))
        ]
        (row,) = evaluate(space, points[:1])
        each = _tasks(space, points, row, arguments.workers, arguments.threads)
        print(f"{1e3 * each:.1f} ms of processor time a task, {len(points)} tasks on ", end="")
        print(f"{arguments.workers} workers of {arguments.threads} threads")
        print(
            f"{len(pickle.dumps(points[0]))} bytes of a point, {len(pickle.dumps(row))} of its row"
        )
        _rows(space, row, points, Path(name))
    return 0


def _tasks(space: Space, points: list[Point], row: Row, workers: int, threads: int) -> float:
    """Processor seconds of a task that does nothing."""

    def nothing(_: Space, own: list[Point]) -> list[Row]:
        return [{**row, "key": point.key, "seconds": SECONDS} for point in own]

    quiet = {"dashboard": False, "dashboard_address": ":0"}
    with (
        dask.config.set({"distributed.admin.tick.limit": "1h"}),
        mock.patch.object(cluster, "evaluate", nothing),
        LocalCluster(
            workers, threads_per_worker=threads, processes=False, scheduler_kwargs=quiet
        ) as local,
        Client(local) as client,
    ):
        place = cluster.Cluster(client, space)
        start = time.process_time()
        found = [row["key"] for rows in place.run(points) for row in rows]
        seconds = time.process_time() - start
    assert sorted(found) == sorted(point.key for point in points)
    return seconds / len(points)


def _rows(space: Space, row: Row, points: list[Point], folder: Path) -> None:
    """Print what it takes to record rows."""
    store = Store(folder, space)
    start = time.process_time()
    for first in range(0, len(points), BATCH):
        store.add({**row, "key": point.key} for point in points[first : first + BATCH])
        store.flush()
    seconds = time.process_time() - start
    size = sum(file.stat().st_size for file in folder.glob("rows/*.parquet"))
    print(
        f"{1e6 * seconds / len(points):.0f} us of processor time to record a row, "
        f"{size / len(points):.0f} bytes, in batches of {BATCH}"
    )


if __name__ == "__main__":
    sys.exit(main())
