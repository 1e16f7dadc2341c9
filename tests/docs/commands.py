"""The commands and programs that the documentation shows, and how to run one."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}

_SCRIPT = "convsim "
_STARTS = ("python -m ", ".venv/bin/python -m ", _SCRIPT, f".venv/bin/{_SCRIPT}", "make ")
_PLACEHOLDER = re.compile(r"\[|\.\.\.|\b[A-Z]{2,}\b")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")
_FENCE = re.compile(r"^```(\w*)$")
INDENT = " " * 4


@dataclass(frozen=True)
class Command:
    """A command line of a page, without the comment behind it."""

    text: str

    @property
    def is_make(self) -> bool:
        return self.text.startswith("make ")

    @property
    def is_synopsis(self) -> bool:
        """Whether it shows what may be written: options in brackets, names in capitals."""
        return _PLACEHOLDER.search(self.text) is not None

    @property
    def module(self) -> str:
        return self._parts[0]

    @property
    def words(self) -> list[str]:
        """What follows the module's name."""
        return shlex.split(self._parts[1])

    @property
    def options(self) -> set[str]:
        return set(_OPTION.findall(self._parts[1]))

    @property
    def _parts(self) -> tuple[str, str]:
        """The module, for the console script its own, and the text that follows."""
        text = self.text.removeprefix(".venv/bin/")
        if text.startswith(_SCRIPT):
            return "compiler.console", text.removeprefix(_SCRIPT)
        module, _, rest = text.removeprefix("python -m ").partition(" ")
        return module, rest


@dataclass(frozen=True)
class Program:
    """A Python program in a fenced block of a page."""

    text: str


def steps(page: str) -> list[Command | Program]:
    """The commands and Python programs of a page's text, in order.

    Commands stand in indented or fenced blocks; a line that is indented further and begins with a
    bracket continues the command before it.
    """
    found: list[Command | Program] = []
    language, block = None, []
    for line in page.splitlines():
        fence = _FENCE.match(line)
        if fence and language is None:
            language, block = fence[1], []
        elif fence:
            found += _of_block(language, block)
            language = None
        elif language is not None:
            block.append(line)
        elif line.startswith(INDENT):
            _append(found, line)
    assert language is None, "a fenced block without an end"
    return found


def _of_block(language: str, lines: list[str]) -> list[Command | Program]:
    if language == "python":
        return [Program("\n".join(lines) + "\n")]
    found: list[Command | Program] = []
    for line in lines:
        _append(found, line)
    return found


def _append(found: list[Command | Program], line: str) -> None:
    text = re.split(r"\s+# ", line.strip())[0]
    if text.startswith(_STARTS):
        found.append(Command(text))
    elif text.startswith("[--") and found and isinstance(found[-1], Command):
        found[-1] = Command(f"{found[-1].text} {text}")


def run(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command in this process, in the working directory; it must exit with 0."""
    status = _main(command.module, command.words, monkeypatch)
    assert not status, f"{command.text}: exit status {status}"


def run_apart(command: Command) -> None:
    """Likewise in a process of its own: benchmarks keep theirs to one core."""
    words = [sys.executable, "-m", command.module, *command.words]
    status = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert not status.returncode, f"{command.text}: exit status {status.returncode}"


def check_synopsis(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's own help must name every option that the synopsis does."""
    leading = []
    for word in command.words:
        if not re.fullmatch(r"[a-z]+", word):
            break
        leading.append(word)
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        status = _main(command.module, [*leading, "--help"], monkeypatch)
    known = set(_OPTION.findall(stream.getvalue()))
    assert "--help" in known and not status, f"{command.text}: no help"
    assert command.options <= known, f"{command.text}: unknown {command.options - known}"


def _main(module: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """The exit status of ``python -m module words``."""
    loaded = importlib.import_module(module)
    if hasattr(loaded, "__path__"):
        loaded = importlib.import_module(f"{module}.__main__")
    monkeypatch.setattr(sys, "argv", [module, *words])
    try:
        return loaded.main()
    except SystemExit as exit:
        return exit.code
