"""Timing a call: warm-up, repeats, median and spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

Call = Callable[[], object]
Clock = Callable[[Call], float]
"""Milliseconds of one call."""

#: Calls before any that counts: compilers, caches and clocks settle.
_WARM_UP = 3
_LEAST_REPEATS, _MOST_REPEATS = 5, 200


@dataclass(frozen=True)
class Spread:
    """Milliseconds over the repeats: least, quartiles (half lie between ``low`` and ``high``)."""

    least: float
    low: float
    median: float
    high: float
    repeats: int

    def as_data(self) -> dict[str, float]:
        """The figures for JSON: ``milliseconds`` is the median."""
        data = asdict(self)
        return {"milliseconds": data.pop("median"), **data}


def cpu_milliseconds(call: Call) -> float:
    """By the clock on the wall."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def cuda_milliseconds(call: Call) -> float:
    """Between two events of the device around the call, launches included."""
    start = torch.cuda.Event(enable_timing=True)
    end = torch.cuda.Event(enable_timing=True)
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def processor_milliseconds(call: Call) -> float:
    """Processor time of the calling thread, which does all work where PyTorch has no other."""
    start = time.thread_time()
    call()
    return (time.thread_time() - start) * 1e3


CLOCKS: dict[str, Clock] = {
    "clock": cpu_milliseconds,
    "processor time, one thread": processor_milliseconds,
    "device events": cuda_milliseconds,
}
"""Clocks that can time a call, by their names in reports."""


def measured(call: Call, clock: Clock, seconds: float, before: Call | None = None) -> Spread:
    """Time ``call`` for about ``seconds`` after the warm-up, 5 to 200 times.

    ``before`` is done before each call, out of its time but within ``seconds``.
    """

    def once() -> float:
        if before is not None:
            before()
        return clock(call)

    for _ in range(_WARM_UP):
        start = time.perf_counter()
        once()
        spent = max(time.perf_counter() - start, 1e-6)
    count = max(_LEAST_REPEATS, min(_MOST_REPEATS, int(seconds / spent)))
    taken = sorted(once() for _ in range(count))
    low, median, high = statistics.quantiles(taken, n=4, method="inclusive")
    return Spread(taken[0], low, median, high, count)
