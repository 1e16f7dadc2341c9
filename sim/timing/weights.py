"""Weights, one cycle at a time (docs/architecture.md, 3.7). Lines are counted, not fetched."""

import numpy as np
from numba import njit

from hw.spec import timing
from sim.timing import columns as col

ACTIVE, TAKEN, STARTED, LINE, LEFT, BLOCK, ISSUED, RELEASED = range(8)
ARRIVED, LANDING_1, LANDING_2, HEAD, TILE_BASE, POSITION = range(8, 14)
SIZE = 14
RING = timing.WEIGHT_RING


def state() -> np.ndarray:
    """A reset weights unit."""
    return np.zeros(SIZE, np.int64)


@njit(cache=True)
def wants(w):
    """Whether a line is requested in this cycle."""
    return w[ACTIVE] and w[ISSUED] - w[RELEASED] < RING


@njit(cache=True)
def fetch(w, commands, rows, started, granted):
    """The fetch side: ``started`` commands begun by fill at the start of the cycle; ``granted``: the request was."""
    landing = w[LANDING_2]
    w[LANDING_2] = w[LANDING_1]
    w[LANDING_1] = granted
    if not w[ACTIVE]:
        if w[TAKEN] < started:
            cmd = w[TAKEN]
            w[TAKEN] += 1
            w[ACTIVE] = 1 - commands[cmd, col.ONES]
            w[LINE] = w[BLOCK] = 0
            w[LEFT] = commands[cmd, col.PIXELS]
    elif granted:
        cmd = w[TAKEN] - 1
        w[ISSUED] += 1
        w[LINE] += 1
        if w[LINE] == commands[cmd, col.WEIGHT_LINES]:
            tile = rows >> commands[cmd, col.ARRAY_SHAPE]
            w[LINE] = 0
            if commands[cmd, col.RESIDENT] or w[LEFT] <= tile:
                w[LEFT] = commands[cmd, col.PIXELS]
                w[BLOCK] += 1
                w[ACTIVE] = w[BLOCK] != commands[cmd, col.BLOCKS]
            else:
                w[LEFT] -= tile
    w[ARRIVED] += landing


@njit(cache=True)
def use(w, commands, cmd, tile_end, block_end):
    """The array uses a word (one for each plane)."""
    w[POSITION] += 1 << commands[cmd, col.ARRAY_SHAPE]
    if w[POSITION] == 8 or tile_end:
        w[HEAD] += 1
        w[POSITION] = 0
    past = w[HEAD]
    if tile_end:
        if commands[cmd, col.RESIDENT] and not block_end:
            w[HEAD] = w[TILE_BASE]
        else:
            w[TILE_BASE] = past
    if not commands[cmd, col.RESIDENT] or (tile_end and block_end):
        w[RELEASED] = past
