"""Beats of another width from words, one cycle at a time (docs/architecture.md, 3.10)."""

import numpy as np

from sim.timing.mem import store_data, store_unit
from sim.timing.records import record_type
from sim.timing.state import W_BEAT, W_WORD, compiled

STATE = record_type("part", "full", "place")
"""Of a word, the bytes that are sent. Of a beat, whether all its words are there, and the next
one's place in it."""


def state() -> np.ndarray:
    """No word is there."""
    return np.zeros(1, STATE)


@compiled
def asleep(side):
    """Whether nothing changes without a beat, or an address taken, or a line."""
    setup = side.setup[0]
    return setup.bus <= setup.cols or (
        side.writes[0].full == 0 and not store_unit.word_valid(side.store)
    )


@compiled
def beat_valid(side):
    """Whether wvalid is high in this cycle."""
    if side.setup[0].bus > side.setup[0].cols:
        return side.writes[0].full != 0
    return store_unit.word_valid(side.store)


@compiled
def tick(side, events):
    """Advance by one cycle; returns ``events`` and whether a word of STORE is taken."""
    writes, setup = side.writes[0], side.setup[0]
    if setup.bus > setup.cols:
        return _wide(side, writes, setup, events)
    if events & W_BEAT:
        writes.part += setup.bus
        if writes.part >= setup.cols:
            writes.part = 0
            return events | W_WORD
    return events


@compiled
def _wide(side, writes, setup, events):
    """A beat that is sent leaves, and a word may come."""
    data = side.store.data[0]
    if events & W_BEAT:
        writes.full = 0
    if writes.full != 0 or not store_data.word_valid(data):
        return events
    place = data.burst_places[data.burst_head] if data.sent == 0 else writes.place
    last = data.sent + 1 == data.burst_beats[data.burst_head]
    final = (setup.bus >> setup.cols_log2) - 1
    writes.full = last or place == final
    writes.place = (place + 1) & final
    return events | W_WORD
