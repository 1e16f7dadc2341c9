"""The hash of the sources that answers follow from."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder of this project's packages."""
_SOURCES = ("compiler", "golden", "hw/spec", "sim")


@cache
def source_digest(root: Path) -> str:
    """The hash of every source and data file of the parts that map and simulate, below ``root``."""
    digest = hashlib.sha256()
    for top in _SOURCES:
        for path in sorted((root / top).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                data = path.read_bytes()
                digest.update(f"{path.relative_to(root)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()
