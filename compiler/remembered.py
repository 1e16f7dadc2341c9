"""Answers of ``compiler latency``, kept so that the same question costs next to nothing.

Each is a file of JSON, named by the hash of all that it follows from.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from compiler.cache_folder import cache_root
from compiler.extras import installed_version
from compiler.notes import note
from compiler.source_digest import ROOT, source_digest

KEPT = 1000
"""Answers that are kept; those made longest ago go first."""
_PACKAGES = ("numpy", "numba", "onnx", "onnxruntime")
"""Packages that an answer follows from."""
_ELSEWHERE = {".json": b'"weights"', ".onnx": b"location"}
"""Words in models, by suffix, whose constants lie in files beside them."""


def answer_key(model: str, config: object) -> str:
    """The hash of a question: a model file with those beside it that it may name, or a built-in
    network, on a machine. Raises OSError for a file that cannot be read."""
    path = Path(model)
    about: list[object] = [path.name, config, sys.version, source_digest(ROOT)]
    about += map(installed_version, _PACKAGES)
    digest = hashlib.sha256()
    if path.is_file():
        data = path.read_bytes()
        digest.update(data)
        word = _ELSEWHERE.get(path.suffix.lower())
        if word is not None and word in data:
            beside = sorted(os.scandir(path.parent), key=lambda entry: entry.name)
            about += [(e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in beside]
    digest.update(repr(about).encode("utf-8", "replace"))
    return digest.hexdigest()


def fetch(key: str) -> dict[str, Any] | None:
    """The answer of that key, None without one."""
    try:
        answer = json.loads((_folder() / key).read_bytes())
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def keep(key: str, answer: dict[str, Any]) -> None:
    """Keep an answer, fit for JSON, whole. On a full or read-only disk none is kept."""
    folder = _folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix=".", delete=False) as file:
            try:
                json.dump(answer, file, allow_nan=False)
                file.flush()
                os.replace(file.name, folder / key)
            except BaseException:
                os.unlink(file.name)
                raise
        kept = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime_ns)
        for entry in kept[:-KEPT]:
            os.unlink(entry)
    except FileNotFoundError:
        pass  # Another process took old answers away meanwhile.
    except OSError as error:
        note(f"cache {folder}: cannot be written: {error.strerror}")


def _folder() -> Path:
    return cache_root() / "latencies"
