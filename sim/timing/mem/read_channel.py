"""The read channel, one cycle at a time (docs/architecture.md, 3.1)."""

import numpy as np

from hw.spec.timing import MAX_OUTSTANDING
from sim.timing.ctrl import fetch as command_fetch
from sim.timing.mem import load_request
from sim.timing.records import record_type
from sim.timing.state import (
    AR_TAKEN,
    FETCH_TAKEN,
    LOAD_TAKEN,
    R_LAST,
    compiled,
)

OUTSTANDING = MAX_OUTSTANDING
STATE = record_type("valid", "addr", "beats", "count", "owners")
"""The AR register; the number of bursts under way and their owners as bits (1: LOAD), the oldest
lowest."""


def state() -> np.ndarray:
    """The read channel after reset."""
    return np.zeros(1, STATE)


@compiled
def head_is_fetch(channel):
    """Whether the oldest burst is that of command fetch."""
    return channel.owners & 1 == 0


@compiled
def asleep(side, now):
    """Whether no request can be taken."""
    return side.channel[0].count == OUTSTANDING or not (
        command_fetch.request_valid(side.fetch[0], now)
        or load_request.request_valid(side.load.request[0])
    )


@compiled
def tick(side, now, events):
    """Advance by one cycle; returns ``events`` and whose request is taken.

    Must step before fetch and load.
    """
    channel, fetch, request = side.channel[0], side.fetch[0], side.load.request[0]
    count = channel.count
    if events & R_LAST:
        channel.owners >>= 1
        channel.count -= 1
    if channel.valid != 0:
        if events & AR_TAKEN == 0:
            return events
        channel.valid = 0
    if count == OUTSTANDING or now.stop != 0:
        return events
    if command_fetch.request_valid(fetch, now):
        channel.addr = fetch.addr
        channel.beats = fetch.beats
        events |= FETCH_TAKEN
    elif load_request.request_valid(request):
        channel.addr = request.addr
        channel.beats = request.beats
        channel.owners |= 1 << channel.count
        events |= LOAD_TAKEN
    else:
        return events
    channel.valid = 1
    channel.count += 1
    return events
