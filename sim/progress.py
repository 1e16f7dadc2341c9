"""Progress of what takes long, on standard error."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from compiler.notes import quiet, step

SHOW_AFTER = 2.0
"""Seconds until anything is shown."""
REDRAW_EVERY = 0.1
LINE_EVERY = 10.0
"""Seconds between two states of the bar, and between two lines where there is no terminal."""


class Reporter:
    """Call it with the work done and the work in all, as often as convenient.

    Its thread shows what it was last told: a bar on a terminal, elsewhere a line now and then, if
    the share has changed.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._done, self._total = 0, 1
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def __call__(self, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` cycles are simulated."""
        self._done, self._total = done, max(total, 1)

    def close(self) -> None:
        """Remove the bar."""
        self._end.set()
        self._thread.join()

    def _show(self) -> None:
        if quiet() or self._end.wait(SHOW_AFTER):
            return
        if sys.stderr.isatty():
            self._draw()
            return
        shown = ""
        while True:
            line = f"{self._label}: {self._done / self._total:.0%}"
            if line != shown:
                print(line, file=sys.stderr, flush=True)
                shown = line
            if self._end.wait(LINE_EVERY):
                return

    def _draw(self) -> None:
        # Imported when needed: most work ends before anything is shown.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        label = TextColumn("{task.description}", markup=False)
        columns = (label, BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(self._label)
            while not self._end.wait(REDRAW_EVERY):
                bar.update(task, completed=self._done, total=self._total)


@contextmanager
def reporting(label: str) -> Iterator[Reporter]:
    """A reporter for the work of the body, shown when that takes more than SHOW_AFTER seconds."""
    reporter = Reporter(label)
    with step(label):
        try:
            yield reporter
        finally:
            reporter.close()
