"""Weights, one cycle at a time (docs/architecture.md, 3.7). Lines are counted, not fetched."""

import numpy as np

from hw.spec import timing
from sim.timing import execute_fields as col
from sim.timing.state import compiled

ACTIVE, TAKEN, LINE, LEFT, BLOCK, ISSUED, RELEASED = range(7)
HEAD, PIXEL_GROUP_BASE, POSITION = range(7, 10)
READY = 10
"""Here begin the cycles from which the lines in the ring can be used."""
RING = timing.WEIGHT_RING
SIZE = READY + RING
FILL_LATENCY = timing.FILL_LATENCY


def state() -> np.ndarray:
    """A reset weights unit."""
    return np.zeros(SIZE, np.int64)


@compiled
def wants(w):
    """Whether a line is requested in this cycle."""
    return w[ACTIVE] != 0 and w[ISSUED] - w[RELEASED] < RING


@compiled
def ready(cycle, w):
    """Whether the line with the array's next word is there."""
    return w[HEAD] != w[ISSUED] and cycle >= w[READY + (w[HEAD] & (RING - 1))]


@compiled
def take(w, commands):
    """Take the next command that fill has begun, or pass over one without weights."""
    cmd = w[TAKEN]
    w[TAKEN] += 1
    w[ACTIVE] = commands[cmd, col.ONES] == 0
    w[LINE] = w[BLOCK] = 0
    w[LEFT] = commands[cmd, col.PIXELS]


@compiled
def grant(cycle, w, commands, rows):
    """The line requested is granted."""
    cmd = w[TAKEN] - 1
    w[READY + (w[ISSUED] & (RING - 1))] = cycle + FILL_LATENCY
    w[ISSUED] += 1
    w[LINE] += 1
    if w[LINE] == commands[cmd, col.WEIGHT_LINES]:
        pixel_group = rows >> commands[cmd, col.ARRAY_SHAPE]
        w[LINE] = 0
        if commands[cmd, col.RESIDENT] != 0 or w[LEFT] <= pixel_group:
            w[LEFT] = commands[cmd, col.PIXELS]
            w[BLOCK] += 1
            w[ACTIVE] = w[BLOCK] != commands[cmd, col.OUT_BLOCKS]
        else:
            w[LEFT] -= pixel_group


@compiled
def use(count, w, commands, cmd, pixel_group_end, block_end, line_words):
    """The array uses ``count`` words of one line (for each plane)."""
    w[POSITION] += count << commands[cmd, col.ARRAY_SHAPE]
    if w[POSITION] != line_words and not pixel_group_end:
        return
    w[HEAD] += 1
    w[POSITION] = 0
    past = w[HEAD]
    resident = commands[cmd, col.RESIDENT] != 0
    if pixel_group_end:
        if resident and block_end == 0:
            w[HEAD] = w[PIXEL_GROUP_BASE]
        else:
            w[PIXEL_GROUP_BASE] = past
    if not resident or (pixel_group_end and block_end != 0):
        w[RELEASED] = past
