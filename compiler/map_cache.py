"""Mapped folders by content, so that an unchanged model is not mapped twice."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from compiler.cache_folder import cache_root
from compiler.extras import installed_version
from compiler.ir.graph import Graph
from compiler.source_digest import ROOT, source_digest

LIMIT = 2 << 30
"""Bytes that all entries take at most."""
ANSWER = "answer.pickle"
"""File with the answer of a mapping, besides the files of the mapped folder."""
SUMS = "sums.json"
"""The hashes of an entry's files, by name."""
_WRITERS = ("matplotlib", "jinja2")
"""Packages that write the report, which may be missing."""


def content_key(graph: Graph, *options: object) -> str:
    """The hash of all that a mapped folder follows from, the compiler's own sources included.

    ``options`` are the configuration and what else was asked for, with a ``repr`` that says it all.
    """
    about = (
        graph_digest(graph),
        options,
        sys.version,
        np.__version__,
        *map(installed_version, _WRITERS),
        source_digest(ROOT),
    )
    return hashlib.sha256(repr(about).encode()).hexdigest()


def graph_digest(graph: Graph) -> str:
    """The hash of a graph with its constants."""
    about = (
        graph.name,
        list(graph.tensors.items()),
        graph.nodes,
        graph.inputs,
        graph.outputs,
        graph.random_weights,
        graph.random_calibration,
        sorted(graph.on_host),
    )
    digest = hashlib.sha256(repr(about).encode())
    for tensor in graph.tensors.values():
        if tensor.data is not None:
            digest.update(np.ascontiguousarray(tensor.data).data)
    return digest.hexdigest()


class MapCache:
    """Entries of at most ``limit`` bytes in all; those used longest ago go first.

    Every access holds a lock on the folder, and an entry appears whole, so that processes may share
    it. ``folder`` is ``maps`` in the project's cache unless given.
    """

    def __init__(self, folder: Path | None = None, limit: int = LIMIT) -> None:
        self.folder = folder or cache_root() / "maps"
        self.limit = limit

    def fetch(self, key: str, work: Path) -> Any:
        """Copy the entry's files into the folder ``work``; its answer, or None without an entry.

        An entry whose files are not as they were kept is removed. Raises OSError.
        """
        entry = self.folder / key
        if not entry.is_dir():
            return None
        with self._lock():
            if not entry.is_dir():
                return None
            if not _is_whole(entry):
                self._drop(entry)
                return None
            for path in entry.iterdir():
                if path.name not in (ANSWER, SUMS):
                    shutil.copyfile(path, work / path.name)
            os.utime(entry)
            return pickle.loads((entry / ANSWER).read_bytes())

    def keep(self, key: str, work: Path, answer: Any) -> None:
        """Make an entry of the files in ``work`` and an ``answer``. Raises OSError."""
        if _size(work.iterdir()) > self.limit:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock(), tempfile.TemporaryDirectory(prefix=".", dir=self.folder) as name:
            made = Path(name) / key
            shutil.copytree(work, made)
            (made / ANSWER).write_bytes(pickle.dumps(answer))
            (made / SUMS).write_text(json.dumps(_sums(made)))
            if not (self.folder / key).exists():
                made.rename(self.folder / key)
            self._evict()

    def _evict(self) -> None:
        entries = sorted(
            (path for path in self.folder.iterdir() if path.is_dir() and path.name[0] != "."),
            key=lambda path: path.stat().st_mtime_ns,
            reverse=True,
        )
        total = 0
        for entry in entries:
            total += _size(entry.iterdir())
            if total > self.limit:
                self._drop(entry)

    def _drop(self, entry: Path) -> None:
        """Remove an entry, of which nobody ever sees a part."""
        with tempfile.TemporaryDirectory(prefix=".", dir=self.folder) as name:
            entry.rename(Path(name) / entry.name)

    def _lock(self) -> FileLock:
        return FileLock(self.folder / ".lock")


def _is_whole(entry: Path) -> bool:
    try:
        return bool(json.loads((entry / SUMS).read_bytes()) == _sums(entry))
    except (OSError, ValueError):
        return False


def _sums(entry: Path) -> dict[str, str]:
    sums = {}
    for path in entry.iterdir():
        if path.name != SUMS:
            with path.open("rb") as file:
                sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return sums


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)
