"""Progress of long work on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

SHOW_AFTER = 2.0
"""Seconds until anything is shown."""
LINE_EVERY = 10.0
"""Seconds between two lines when standard error is no terminal."""


class Reporter:
    """Call it with the work done and the work in all, as often as convenient."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._begin = time.monotonic()
        self._line = self._begin + SHOW_AFTER
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._begin < SHOW_AFTER:
            return
        if sys.stderr.isatty():
            self._draw(done, total)
        elif now >= self._line:
            self._line = now + LINE_EVERY
            print(f"{self._label}: {done / max(total, 1):.0%}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._label)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)


@contextmanager
def reporting(label: str) -> Iterator[Reporter]:
    """A reporter for the work of the body."""
    reporter = Reporter(label)
    try:
        yield reporter
    finally:
        reporter.close()
