"""``hw generate``: the Verilog, and what a system needs besides it."""

from __future__ import annotations

import argparse

from compiler.errors import InputError
from hw.commands.design import design_of
from hw.spec.config import NAME
from hw.tools.integration.files import files
from hw.tools.verilog_cache import verilog


def run(arguments: argparse.Namespace) -> None:
    """Write the files; unchanged ones keep their time. Raises InputError."""
    config, prefix = design_of(arguments), _prefix(arguments)
    try:
        # First: a folder that cannot be is refused before the seconds that the Verilog takes.
        arguments.folder.mkdir(parents=True, exist_ok=True)
        texts = files(verilog(config, prefix), config, prefix)
        for name, content in texts.items():
            path = arguments.folder / name
            if not path.is_file() or path.read_text() != content:
                path.write_text(content)
    except OSError as error:
        raise InputError(f"{error.filename or arguments.folder}: {error.strerror}") from error


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
