"""``hw generate``: the Verilog, and what a system needs besides it."""

from __future__ import annotations

import argparse
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from compiler.errors import InputError
from compiler.whole_files import write_whole
from hw.commands.design import design_of
from hw.spec.config import NAME
from hw.tools.integration.files import files
from hw.tools.verilog_cache import verilog


def run(arguments: argparse.Namespace) -> None:
    """Write all files or none; unchanged ones keep their time. Raises InputError."""
    config, prefix = design_of(arguments), _prefix(arguments)
    folder: Path = arguments.folder
    made = False
    try:
        made = not folder.exists()
        # First: a folder that cannot be is refused before the seconds that the Verilog takes.
        folder.mkdir(parents=True, exist_ok=True)
        texts = files(verilog(config, prefix), config, prefix)
        paths = {folder / name: content.encode() for name, content in texts.items()}
        changed = {p: c for p, c in paths.items() if not p.is_file() or p.read_bytes() != c}
        write_whole({path: partial(_write, content) for path, content in changed.items()})
    except OSError as error:
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise InputError(f"{error.filename or folder}: {error.strerror}") from error


def _write(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _prefix(arguments: argparse.Namespace) -> str:
    """Prefix of names from --name, empty without it. Raises InputError."""
    name = arguments.name
    if name is None:
        return ""
    if not NAME.fullmatch(name):
        raise InputError(
            f"--name {name!r}: an identifier of letters, digits and _, no digit first, 64 at most, "
            "is accepted"
        )
    return f"{name}_"
