"""Files that a sweep leaves in its folder: tables of all points, the front, its machines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from compiler.explore.front import front
from compiler.explore.store import CANDIDATE, schema, write_parquet
from compiler.explore.sweep import Sweep
from compiler.frontend import write_model
from compiler.whole_files import write_file
from hw.spec.config import to_dict

POINTS, FRONT = "points", "front"
"""Names of the tables; the folder FRONT has machines and networks."""


def write_results(sweep: Sweep, folder: Path) -> list[int]:
    """Write tables, and machine and networks of each candidate of the front; returns the front.

    ``points.parquet`` and ``points.csv`` have a row for each point, ``front.csv`` those of the
    front; ``candidate`` counts from 0. ``front/N.json`` is the machine of candidate N as
    ``hw generate --config`` takes it, ``front/N.LABEL.json`` a network of variable form.
    """
    best = front(sweep.space, sweep.scores)
    columns = schema(sweep.space)
    columns = pa.schema([(CANDIDATE, pa.int64()), *columns]).remove(
        1 + columns.get_field_index("key")
    )
    table = pa.Table.from_pylist(_rows(sweep, range(len(sweep.candidates))), columns)
    write_parquet(table, folder / f"{POINTS}.parquet")
    _write_csv(table, folder / f"{POINTS}.csv")
    _write_csv(pa.Table.from_pylist(_rows(sweep, best), columns), folder / f"{FRONT}.csv")
    shutil.rmtree(folder / FRONT, ignore_errors=True)
    (folder / FRONT).mkdir()
    for number in best:
        _write_candidate(sweep, number, folder / FRONT)
    return best


def _rows(sweep: Sweep, numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [{CANDIDATE: number, **row} for number in numbers for row in sweep.rows[number]]


def _write_csv(table: pa.Table, path: Path) -> None:
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink)
    write_file(path, sink.getvalue().to_pybytes())


def _write_candidate(sweep: Sweep, number: int, folder: Path) -> None:
    points = sweep.space.points(sweep.candidates[number])
    config = to_dict(sweep.space.config(points[0].machine))
    write_file(folder / f"{number}.json", json.dumps(config, indent=2) + "\n")
    for point in points:
        entry = sweep.space.entry(point.network)
        if entry.kind in ("family", "function") or entry.variables:
            graph = entry.build(dict(point.arguments))
            write_model(graph, folder / f"{number}.{point.network}.json")


def front_data(sweep: Sweep, best: Sequence[int]) -> list[dict[str, Any]]:
    """The front as plain data: the values and objectives of each candidate."""
    found: list[dict[str, Any]] = []
    for number in best:
        objectives = sweep.scores[number].objectives
        assert objectives is not None
        figures = dict(zip((o.name for o in sweep.space.objectives), objectives, strict=True))
        found.append({CANDIDATE: number, **sweep.candidates[number], "objectives": figures})
    return found
