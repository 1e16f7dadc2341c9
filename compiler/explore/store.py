"""Rows on disk: Parquet files, each written whole, so that a kill at any moment loses none."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from compiler.errors import InputError
from compiler.explore.figures import ENERGY, FIGURES
from compiler.explore.space import Space
from compiler.explore.variables import Variable
from compiler.explore.worker import AGAIN, Row
from compiler.whole_files import write_file

SPACE = "space.json"
"""File with the digest of the space whose rows a folder has."""
ROWS = "rows"
"""Folder of the batches."""
CANDIDATE = "candidate"
"""Column that the tables of the results have besides."""
EVERY, SHARE, LONGEST = 2.0, 0.01, 60.0
"""Least seconds from one batch to the next, their share of the time since the start, and the most:
a stop costs a hundredth, and a long sweep does not drown in files."""
_NAME = re.compile(r"[0-9]{7,}\.parquet")
_WHOLE = FIGURES.keys() - {"milliseconds", ENERGY, "utilization"}


def schema(space: Space) -> pa.Schema:
    """Columns of a row and their types. Raises InputError for an objective named like another."""
    own = [o.name for o in space.objectives if o.function is not None]
    columns = pa.schema(
        [
            ("key", pa.string()),
            ("network", pa.string()),
            *((v.name, _type(v)) for v in space.variables),
            ("machine", pa.string()),
            *((name, pa.int64() if name in _WHOLE else pa.float64()) for name in FIGURES),
            *((name, pa.float64()) for name in own),
            ("stall", pa.string()),
            ("stall_share", pa.float64()),
            ("host_nodes", pa.int64()),
            ("scales", pa.string()),
            ("reason", pa.string()),
            (AGAIN, pa.bool_()),
            ("seconds", pa.float64()),
        ]
    )
    for name in own:
        if [CANDIDATE, *columns.names].count(name) > 1:
            raise InputError(f"objectives: {name}: in use for another column; give another name")
    return columns


def _type(variable: Variable) -> pa.DataType:
    kinds = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    return kinds[type(variable.values[0])]


class Store:
    """The rows of a space in a folder; ``rows`` has those that are recorded, by key, except rows of
    earlier runs that are tried AGAIN.

    Rows that are added are recorded with the next ``flush``, which comes of itself (see EVERY).
    Raises InputError for files that it has not written.
    """

    def __init__(self, folder: Path, space: Space) -> None:
        self._folder = folder / ROWS
        self._schema = schema(space)
        self._waiting: list[Row] = []
        self._start = self._flushed = time.monotonic()
        self._batches = 0
        self.rows: dict[str, Row] = {}
        self._folder.mkdir(exist_ok=True)
        for path in self._folder.glob(".part-*"):
            path.unlink()  # What a kill has left.
        for path in sorted(self._folder.glob("*.parquet")):
            if not _NAME.fullmatch(path.name):
                raise InputError(f"{path}: not written by explore; 0000001.parquet and so on are")
            self._batches = int(path.stem)
            read = _read(path, self._schema)
            self.rows |= {row["key"]: row for row in read if not row[AGAIN]}

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows, and record all that wait if the time has come."""
        self._waiting += rows
        now = time.monotonic()
        if now - self._flushed >= min(LONGEST, max(EVERY, SHARE * (now - self._start))):
            self.flush()

    def flush(self) -> None:
        """Record the rows that wait."""
        if self._waiting:
            self._batches += 1
            table = pa.Table.from_pylist(self._waiting, self._schema)
            write_parquet(table, self._folder / f"{self._batches:07}.parquet")
            self.rows |= {row["key"]: row for row in table.to_pylist()}
            self._waiting = []
        self._flushed = time.monotonic()


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table so that the file is there whole or not at all. Raises InputError."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    write_file(path, sink.getvalue().to_pybytes())


def _read(path: Path, columns: pa.Schema) -> list[Row]:
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as fault:
        raise InputError(f"{path}: no batch of rows: {fault}") from None
    if not table.schema.equals(columns):
        raise InputError(
            f"{path}: columns {', '.join(table.schema.names)}; those of the space are "
            f"accepted: {', '.join(columns.names)}"
        )
    rows: list[Row] = table.to_pylist()
    return rows


@contextmanager
def opened(folder: Path, space: Space, resume: bool) -> Iterator[Store]:
    """The store of a folder, which nobody else may write meanwhile.

    Raises InputError for a folder that holds rows without ``resume``, or those of another space.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(folder / ".lock", timeout=0).acquire()
    except Timeout:
        raise InputError(f"{folder}: another explore is writing there") from None
    except OSError as fault:
        raise InputError(f"{fault.filename or folder}: {fault.strerror or fault}") from None
    with held:
        store = _checked(folder, space, resume)
        try:
            yield store
        finally:
            store.flush()


def _checked(folder: Path, space: Space, resume: bool) -> Store:
    """The store of a folder that is fit for it. Raises InputError."""
    try:
        _check(folder, space, resume)
        return Store(folder, space)
    except OSError as fault:
        raise InputError(f"{fault.filename or folder}: {fault.strerror or fault}") from None


def _check(folder: Path, space: Space, resume: bool) -> None:
    path = folder / SPACE
    if not path.is_file():
        if entries := sorted(entry for entry in os.listdir(folder) if entry[0] != "."):
            raise InputError(
                f"{folder}: holds {entries[0]}, and no {SPACE}; a new or empty folder is accepted"
            )
        write_file(path, json.dumps({"digest": space.digest}) + "\n")
        return
    if not resume:
        raise InputError(
            f"{folder}: holds results; --resume continues them, or another folder is accepted"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["digest"]
    except (ValueError, KeyError, TypeError):
        found = None
    if found != space.digest:
        raise InputError(
            f"{folder}: holds results of another space, of other files or of another version; "
            "only search.points may change"
        )
