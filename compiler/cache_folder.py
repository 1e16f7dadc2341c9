"""The folder for everything that can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """The folder of the cache.

    ``convsim`` under ``$XDG_CACHE_HOME`` where that is set, else ``.cache`` of the checkout, or
    ``convsim`` under ``~/.cache`` without a checkout that can be written.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    checkout = Path(__file__).resolve().parents[1]
    if not given and (checkout / "pyproject.toml").is_file() and os.access(checkout, os.W_OK):
        return checkout / ".cache"
    return (Path(given) if given else Path.home() / ".cache") / "convsim"
