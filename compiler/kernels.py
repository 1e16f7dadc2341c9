"""numba, which keeps what it compiles in this project's cache.

Every compiled function takes ``njit`` or ``kernel`` from here. The folder is named by the content
of the sources of `sim.timing`, whose functions call one another across modules: numba itself would
not see that a function in another module has changed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import njit
from numba.core.caching import FunctionCache

from compiler.cache_folder import writable_cache
from compiler.notes import note

__all__ = ["kernel", "njit"]

_ROOT = Path(__file__).resolve().parents[1]


def _source_digest() -> str:
    digest = hashlib.sha256()
    for folder in ("hw/spec", "sim/timing"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


# numba reads it when a function is decorated.
numba.config.CACHE_DIR = str(writable_cache() / "numba" / _source_digest())


class _Cache(FunctionCache):
    """numba's cache, which loads compiled code without what numba prepares for compiling.

    That takes longer than the loading. numba does it again before it compiles; of what is loaded,
    only arrays that compiled code makes need it.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function of a signature, None where the cache has none."""
        with self._guard_against_spurious_io_errors():
            found = self._load_overload(sig, target_context)
        if found is None:
            _say_that_it_compiles()
        return found


@cache
def _say_that_it_compiles() -> None:
    """Tell a terminal, once, why the first run takes longer."""
    if sys.stderr.isatty():
        folder = numba.config.CACHE_DIR
        note(f"compiling the search and the timing, up to half a minute, once: {folder} keeps it")


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that makes no arrays, and keep it. It runs without Python's lock."""
    compiled = njit(nogil=True, _nrt=False, error_model="numpy")(function)
    compiled._cache = _Cache(function)
    return compiled
