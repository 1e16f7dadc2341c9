"""Work without the cyclic garbage collector."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Suspend the cyclic garbage collector: almost everything allocated in the body stays alive."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Settled:
    """Runs of ``uncollected`` in a process whose memory grows large and lives long.

    What a run leaves is looked through once, and no more until ``every`` seconds have passed: a
    full collection of a gigabyte takes two seconds, and Python would start one whenever a quarter
    is new.
    """

    def __init__(self, every: float = 300.0) -> None:
        self._every = every
        self._last = time.monotonic()

    @contextmanager
    def run(self) -> Iterator[None]:
        """Suspend the collector for the body."""
        with uncollected():
            yield
            if time.monotonic() >= self._last + self._every:
                gc.unfreeze()
                gc.collect()
                self._last = time.monotonic()
            gc.collect(0)
            gc.freeze()
