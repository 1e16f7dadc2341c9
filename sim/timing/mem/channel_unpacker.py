"""Channel unpacker, one cycle at a time (docs/architecture.md, 3.3): bytes of dense pixels become
words of one pixel each."""

import numpy as np

from sim.timing.records import record_type
from sim.timing.state import compiled

STATE = record_type("count", "skip", "missing")
"""Bytes held, bytes to drop at the start of a row, beats of the row still to come."""


def state() -> np.ndarray:
    """The unpacker after reset."""
    return np.zeros(1, STATE)


@compiled
def begin(unpacker, setup, offset, size):
    """Begin a row of ``size`` bytes whose first lies ``offset`` bytes after a multiple of the
    word."""
    unpacker.count = 0
    unpacker.skip = offset & (setup.cols - 1)
    unpacker.missing = (size + unpacker.skip + setup.cols - 1) >> setup.cols_log2


@compiled
def ready(unpacker, setup):
    """Whether a beat can be accepted in this cycle."""
    return unpacker.count <= setup.cols and unpacker.missing != 0


@compiled
def tick(unpacker, setup, length, beat, accepted):
    """Advance by one cycle; returns whether a word of ``length`` bytes leaves.

    ``beat``: one arrives; ``accepted``: a word would be.
    """
    leaves = False
    if unpacker.skip != 0:
        if unpacker.count >= unpacker.skip:
            unpacker.count -= unpacker.skip
            unpacker.skip = 0
    elif unpacker.count >= length and accepted:
        unpacker.count -= length
        leaves = True
    if beat:
        unpacker.count += setup.cols
        unpacker.missing -= 1
    return leaves
