"""Choosing the reader of a model file."""

from __future__ import annotations

from pathlib import Path

from compiler.errors import InputError, UnsupportedError, located
from compiler.frontend.model_json import read_model
from compiler.frontend.tflite import read_tflite
from compiler.ir.graph import Graph

FORMATS = ".json and .tflite"

#: Largest model file, in bytes.
MAX_FILE = 1 << 31


def load_model(path: Path | str) -> Graph:
    """The verified, quantised graph of a model file, chosen by its suffix.

    Raises InputError for a file that cannot be read or is no valid model, UnsupportedError for
    another format or a model that uses what is not handled. Messages begin with the path.
    """
    path = Path(path)
    with located(path):
        suffix = path.suffix.lower()
        if suffix not in (".json", ".tflite"):
            raise UnsupportedError(f"format {suffix or 'without suffix'!r}; accepted: {FORMATS}")
        data = _read_file(path)
        if suffix == ".json":
            return read_model(data, path.parent)
        return read_tflite(data, path.stem.encode("utf-8", "replace").decode())


def _read_file(path: Path) -> bytes:
    try:
        if not path.exists():
            raise InputError("no such file")
        if not path.is_file():
            raise InputError("not a regular file; a model file is accepted")
        if path.stat().st_size > MAX_FILE:
            raise InputError(f"{path.stat().st_size} bytes; at most {MAX_FILE} are accepted")
        data = path.read_bytes()
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read: {getattr(fault, 'strerror', None) or fault}") from None
    if not data:
        raise InputError("the file is empty; a model is accepted")
    return data
