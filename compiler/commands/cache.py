"""``convsim cache``: what is kept of earlier work, and its removal."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from compiler.cache_folder import cache_root
from compiler.errors import InputError

MIB = 1 << 20


def add_cache_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``convsim cache``."""
    command.add_argument(
        "--clear",
        metavar="PART",
        nargs="*",
        help="remove these parts of it, or all where none is named",
    )
    command.set_defaults(command=_cache)


def _cache(arguments: argparse.Namespace) -> None:
    root = cache_root()
    if arguments.clear is None:
        _list(root)
    else:
        _clear(root, arguments.clear)


def _parts(root: Path) -> dict[str, Path]:
    """Parts of the cache by name."""
    if not root.is_dir():
        return {}
    return {path.name: path for path in sorted(root.iterdir()) if path.is_dir()}


def _list(root: Path) -> None:
    total = 0
    for name, path in _parts(root).items():
        size = _size(path)
        total += size
        print(f"{size / MIB:10,.1f} MiB  {name}")
    print(f"{total / MIB:10,.1f} MiB  {root}")


def _size(folder: Path) -> int:
    """Bytes of all files in a folder; what goes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def _clear(root: Path, names: Sequence[str]) -> None:
    parts = _parts(root)
    for name in names:
        if name not in parts:
            raise InputError(f"--clear {name}; accepted: {', '.join(parts) or 'nothing is there'}")
    for name in dict.fromkeys(names or parts):
        size = _size(parts[name])
        shutil.rmtree(parts[name])
        print(f"removed {name}, {size / MIB:,.1f} MiB")
