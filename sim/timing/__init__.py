"""Cycle-exact timing, compiled by numba.

The compiled code is cached by the content of the sources: numba itself would not see that a
function in another module has changed.
"""

import hashlib
from pathlib import Path

import numba

_ROOT = Path(__file__).resolve().parents[2]


def _source_digest() -> str:
    digest = hashlib.sha256()
    for folder in ("hw/spec", "sim/timing"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


numba.config.CACHE_DIR = str(_ROOT / ".cache" / "numba" / _source_digest())
