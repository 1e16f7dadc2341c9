"""The console script ``convsim``: the compiler's commands directly, the others by group."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from compiler import __version__
from compiler.notes import FLAGS
from compiler.process import run_command

GROUPS = {name: f"the commands of python -m {name}" for name in ("sim", "hw", "golden")}
"""Packages with a command line of their own, and what help says of them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. Only the chosen command line is imported.

    -q and -v may stand before the command as well as behind it.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if words == ["--version"]:
        print(f"convsim {__version__}")
        return 0
    flags = {name for names in FLAGS for name in names}
    first = next((i for i, word in enumerate(words) if word not in flags), len(words))
    words = [*words[first:], *words[:first]]
    if words and words[0] in GROUPS:
        return _run(f"{words[0]}.command_line", words[1:], prog=f"convsim {words[0]}")
    return _run("compiler.command_line", words, prog="convsim", groups=GROUPS)


def _run(module: str, words: Sequence[str], **options: Any) -> int:
    """The exit status of a module's command line."""
    main: Callable[..., int] = import_module(module).main
    return main(words, **options)


def start() -> int:
    """The entry of the script: ``main`` as a process of its own, or an answer to the shell."""
    if "_ARGCOMPLETE" in os.environ:
        from compiler.completion import complete

        complete(GROUPS)
    return run_command(main)


if __name__ == "__main__":
    sys.exit(start())
