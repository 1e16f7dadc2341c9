"""The reader, one cycle at a time (docs/architecture.md, 3.1)."""

import numpy as np

from hw.spec.timing import MAX_OUTSTANDING
from sim.timing.ctrl import fetch
from sim.timing.mem import load_unit
from sim.timing.state import (
    AR_TAKEN,
    FETCH_TAKEN,
    LOAD_TAKEN,
    R_LAST,
    STOP,
    compiled,
)

OUTSTANDING = MAX_OUTSTANDING

# state: the AR register, and the owners of the bursts as bits (1: LOAD), the oldest lowest
VALID, ADDR, BEATS, COUNT, OWNERS = range(5)
SIZE = 5


def state() -> np.ndarray:
    """The reader after reset."""
    return np.zeros(SIZE, np.int64)


@compiled
def head_is_fetch(rd):
    """Whether the oldest burst is FETCH's."""
    return rd[OWNERS] & 1 == 0


@compiled
def asleep(rd, now, fe, ld):
    """Whether no request can be taken."""
    return rd[COUNT] == OUTSTANDING or not (
        fetch.request_valid(fe, now) or load_unit.request_valid(ld)
    )


@compiled
def tick(rd, now, fe, ld, events):
    """Advance by one cycle; returns ``events`` and whose request is taken.

    Must step before fetch and load.
    """
    count = rd[COUNT]
    if events & R_LAST:
        rd[OWNERS] >>= 1
        rd[COUNT] -= 1
    if rd[VALID] != 0:
        if events & AR_TAKEN == 0:
            return events
        rd[VALID] = 0
    if count == OUTSTANDING or now[STOP] != 0:
        return events
    if fetch.request_valid(fe, now):
        rd[ADDR] = fe[fetch.ADDR]
        rd[BEATS] = fe[fetch.BEATS]
        events |= FETCH_TAKEN
    elif load_unit.request_valid(ld):
        rd[ADDR] = ld[load_unit.ADDR]
        rd[BEATS] = ld[load_unit.BEATS]
        rd[OWNERS] |= 1 << rd[COUNT]
        events |= LOAD_TAKEN
    else:
        return events
    rd[VALID] = 1
    rd[COUNT] += 1
    return events
