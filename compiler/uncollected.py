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


EVERY = 300.0
"""Seconds from one full collection to the next where ``settled`` is used."""
_last = [time.monotonic()]


@contextmanager
def settled() -> Iterator[None]:
    """A body without collections, as ``uncollected``, for repeated work that remembers much.

    What the body leaves is looked through once, and again with all else in the process after EVERY
    seconds. Python itself would look through a gigabyte, in two seconds, whenever a quarter is new.
    """
    outermost = gc.isenabled()
    with uncollected():
        yield
        if outermost:
            if time.monotonic() >= _last[0] + EVERY:
                gc.unfreeze()
                gc.collect()
                _last[0] = time.monotonic()
            gc.collect(0)
            gc.freeze()
