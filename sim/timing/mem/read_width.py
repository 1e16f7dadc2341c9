"""Words from beats of another width, one cycle at a time (docs/architecture.md, 3.10)."""

import numpy as np

from sim.timing.mem import load_data, read_channel
from sim.timing.records import record_type
from sim.timing.state import R_BEAT, R_ERROR, R_LAST, R_LOAD, R_WORD, compiled

STATE = record_type("part", "failed", "full", "place", "left")
"""Of a word, the beats that are there, and whether one has an error. Of a beat, whether words are
left, the next one's place in it, and the words left of the burst."""
BURST_EVENTS = R_LAST | R_ERROR


def state() -> np.ndarray:
    """No beat is there."""
    return np.zeros(1, STATE)


@compiled
def asleep(side):
    """Whether nothing changes without a beat."""
    return side.reads[0].full == 0


@compiled
def _word_ready(side, now):
    """Whether the owner of the oldest burst can take a word."""
    channel = side.channel[0]
    return (
        read_channel.head_is_fetch(channel)
        or load_data.ready(side.load, side.setup[0], now)
        or now.stop != 0
    )


@compiled
def _is_done(reads, setup):
    """Whether the word that is next is the last one of its beat, or of its burst."""
    return reads.left == 1 or reads.place == (setup.bus >> setup.cols_log2) - 1


@compiled
def ready(side, now):
    """Whether a beat can be accepted in this cycle."""
    reads, setup = side.reads[0], side.setup[0]
    if setup.bus > setup.cols:
        return reads.full == 0 or (_is_done(reads, setup) and _word_ready(side, now))
    if reads.part + setup.bus < setup.cols:
        return True
    return _word_ready(side, now)


@compiled
def tick(side, now, events):
    """Advance by one cycle; returns ``events`` with those of a word instead of those of a beat.

    R_WORD says that its owner takes a word; R_LAST, R_LOAD and R_ERROR are then the word's.
    """
    reads, setup = side.reads[0], side.setup[0]
    if setup.bus == setup.cols:
        if events & R_BEAT:
            return _of_owner(side, events | R_WORD)
        return events
    if setup.bus < setup.cols:
        return _narrow(side, reads, setup, events) if events & R_BEAT else events
    return _wide(side, reads, setup, now, events)


@compiled
def _of_owner(side, events):
    return events if read_channel.head_is_fetch(side.channel[0]) else events | R_LOAD


@compiled
def _narrow(side, reads, setup, events):
    """A beat is a part of a word."""
    if events & R_ERROR:
        reads.failed = 1
    reads.part += setup.bus
    if reads.part != setup.cols:
        return events & ~BURST_EVENTS
    if reads.failed != 0:
        events |= R_ERROR
    reads.part = reads.failed = 0
    return _of_owner(side, events | R_WORD)


@compiled
def _wide(side, reads, setup, now, events):
    """A word of the beat that is there may leave, and another beat come."""
    found = events & ~BURST_EVENTS
    if reads.full != 0 and _word_ready(side, now):
        found = _of_owner(side, found | R_WORD)
        if reads.failed != 0:
            found |= R_ERROR
        if reads.left == 1:
            found |= R_LAST
        if _is_done(reads, setup):
            reads.full = 0
        reads.place += 1
        reads.left -= 1
    if events & R_BEAT:
        dram = side.dram[0]
        reads.full = 1
        reads.failed = events & R_ERROR
        reads.place = 0
        if reads.left == 0:
            reads.left = dram.read_words
            reads.place = dram.read_place
    return found
