"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from compiler.errors import InputError


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file, text as UTF-8. Raises InputError, and leaves what was there."""
    data = content.encode() if isinstance(content, str) else content
    try:
        write_whole({path: lambda file: file.write(data)})
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def write_whole(files: Mapping[Path, Callable[[BinaryIO], object]]) -> None:
    """Write each to a temporary file in the same folder; rename them when all are written.

    A device or a pipe is written as it is, and a link stays one. Raises OSError, whose ``filename``
    is the path.
    """
    written: dict[str, Path] = {}
    try:
        for path, write in files.items():
            with _named(path):
                _write(path, write, written)
        for name, path in written.items():
            with _named(path):
                os.replace(name, os.path.realpath(path))
    except BaseException:
        for name in written:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
        raise


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let errors name ``path``, not a temporary file."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def _write(path: Path, write: Callable[[BinaryIO], object], written: dict[str, Path]) -> None:
    """Write to a temporary file beside ``path``, which ``written`` then has, or a device itself."""
    if _is_special(path):
        with path.open("wb") as file:
            write(file)
        return
    handle, name = tempfile.mkstemp(prefix=".part-", dir=os.path.dirname(os.path.realpath(path)))
    written[name] = path
    with os.fdopen(handle, "wb") as file:
        write(file)
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(name, 0o666 & ~umask)


def _is_special(path: Path) -> bool:
    """Whether something is there that is no regular file."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
