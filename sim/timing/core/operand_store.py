"""Operand store, one cycle at a time (docs/architecture.md, 3.6): the ring of tap groups between
operand fetch and the array."""

import numpy as np

from hw.spec import timing
from sim.timing.records import record_type
from sim.timing.state import compiled

RING = timing.TAP_GROUP_RING
PLACES = 2 * RING
"""Places for tap groups: those of the ring, and beyond them that of the one being fetched."""
LINE_LATENCY = timing.LINE_LATENCY
STATE = record_type("pushed", "popped")
TAP_GROUP = record_type(
    *("work", "last", "block_start", "block_end", "command_start", "command_end"),
    *("command", "pixels", "planes", "occupied", "visible"),
)
"""A tap group: ``work`` multiply-accumulates, the ``last`` of its pixel group or not, of the
EXECUTE with index ``command``. The array sees it from cycle ``visible`` on."""


def state() -> tuple[np.ndarray, np.ndarray]:
    """An empty store: its counters, and its places."""
    return np.zeros(1, STATE), np.zeros(PLACES, TAP_GROUP)


@compiled
def has_room(store):
    """Whether a tap group can be pushed."""
    return store.pushed - store.popped < RING


@compiled
def is_empty(store):
    """Whether every tap group pushed is popped."""
    return store.pushed == store.popped


@compiled
def fetched(store, tap_groups):
    """The tap group that is being fetched."""
    return tap_groups[store.pushed & (PLACES - 1)]


@compiled
def oldest(store, tap_groups):
    """The tap group that the array works on, or would."""
    return tap_groups[store.popped & (PLACES - 1)]


@compiled
def push(cycle, store, tap_groups):
    """All lines of the tap group that is being fetched are granted."""
    fetched(store, tap_groups).visible = cycle + LINE_LATENCY
    store.pushed += 1
