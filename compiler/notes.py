"""Lines on standard error that are no errors: notes, and with -v the steps of a command."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

QUIET, USUAL, VERBOSE = range(3)
"""Errors alone; notes and the progress of what takes long; each step and its seconds as well."""

_level = USUAL


FLAGS = {
    ("-q", "--quiet"): (QUIET, "errors alone on standard error, no notes and no progress"),
    ("-v", "--verbose"): (VERBOSE, "each step and its seconds on standard error"),
}
"""Options for the levels that are not usual, and their help."""


def add_verbosity(commands: Iterable[argparse.ArgumentParser]) -> None:
    """Add -q and -v to the options of commands."""
    for command in commands:
        group = command.add_mutually_exclusive_group()
        for names, (level, text) in FLAGS.items():
            group.add_argument(
                *names, dest="verbosity", action="store_const", const=level, help=text
            )
        command.set_defaults(verbosity=USUAL)


def choose(level: int) -> None:
    """Say from now on what QUIET, USUAL or VERBOSE stands for."""
    global _level
    _level = level


def quiet() -> bool:
    """Whether only errors are said."""
    return _level == QUIET


def note(text: str) -> None:
    """Say a line that is no error."""
    if _level > QUIET:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say, with -v, how many seconds the body took."""
    start = time.perf_counter()
    try:
        yield
    finally:
        if _level == VERBOSE:
            seconds = time.perf_counter() - start
            print(f"{seconds:8.2f} s  {text}", file=sys.stderr, flush=True)
