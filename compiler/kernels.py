"""numba, which keeps what it compiles in this project's cache.

Every compiled function takes ``njit`` from here. The folder is named by the content of the sources
of `sim.timing`, whose functions call one another across modules: numba itself would not see that a
function in another module has changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numba
from numba import njit

from compiler.cache_folder import cache_root

__all__ = ["njit"]

_ROOT = Path(__file__).resolve().parents[1]


def _source_digest() -> str:
    digest = hashlib.sha256()
    for folder in ("hw/spec", "sim/timing"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


# numba reads it when a function is decorated.
numba.config.CACHE_DIR = str(cache_root() / "numba" / _source_digest())
