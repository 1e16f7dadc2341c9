"""The folder for everything that can be made again."""

from __future__ import annotations

import os
import re
from pathlib import Path

from compiler.errors import InputError

SPECIAL = re.compile(r"[^\w/.+@~,-]")
"""Characters of a path that make or a shell does not take as they are: a space, say."""


def cache_root() -> Path:
    """The folder of the cache.

    ``convsim`` under ``$XDG_CACHE_HOME`` where that is set, else ``.cache`` of the checkout, or
    ``convsim`` under ``~/.cache`` where no checkout can be written or its path has special
    characters: make builds simulations in the cache.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    checkout = Path(__file__).resolve().parents[1]
    usable = os.access(checkout, os.W_OK) and not SPECIAL.search(str(checkout))
    if not given and (checkout / "pyproject.toml").is_file() and usable:
        return checkout / ".cache"
    return (Path(given) if given else Path.home() / ".cache") / "convsim"


def writable_cache() -> Path:
    """The folder of the cache, made where it is missing.

    Raises InputError where it cannot be written.
    """
    root = cache_root()
    fault = None
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fault = error.strerror
    if fault or not os.access(root, os.W_OK):
        raise InputError(
            f"the cache {root} cannot be written: {fault or 'Permission denied'}; "
            "set XDG_CACHE_HOME to a folder that can"
        )
    return root
