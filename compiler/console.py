"""The console script ``convsim``: the compiler's commands directly, the others by group."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from compiler import __version__
from compiler.process import run_command

GROUPS = {name: f"the commands of python -m {name}" for name in ("sim", "hw", "golden")}
"""Packages with a command line of their own, and what help says of them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Only the chosen command line is imported."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words == ["--version"]:
        print(f"convsim {__version__}")
        return 0
    if words and words[0] in GROUPS:
        return _run(words[0], words[1:], prog=f"convsim {words[0]}")
    return _run("compiler", words, prog="convsim", groups=GROUPS)


def _run(package: str, words: Sequence[str], **options: Any) -> int:
    """The exit status of a package's command line."""
    main: Callable[..., int] = import_module(f"{package}.command_line").main
    return main(words, **options)


def start() -> int:
    """The entry of the script: ``main`` as a process of its own."""
    return run_command(main)


if __name__ == "__main__":
    sys.exit(start())
