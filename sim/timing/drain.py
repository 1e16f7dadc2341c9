"""Drain, one cycle at a time (docs/architecture.md, 3.9)."""

import numpy as np
from numba import njit

from hw.spec import timing
from sim.timing import columns as col

HELD, COMMAND, PIXELS, PLANES, COMMAND_END, COMMAND_FIRST = range(6)
LINES_LEFT, TABLE_LEFT, SETTLE, FLUSH, PLANE, PIXEL = range(6, 12)
ISSUED_1, ISSUED_2 = range(12, 14)
T_COMMAND, T_PIXELS, T_PLANES, T_BLOCK_START, T_COMMAND_START, T_COMMAND_END = range(14, 20)
WRITE_AT = 20
"""Cycles until the last word of a command is written; 0: none on its way."""
SIZE = 21

RESIDUAL_PHASE = timing.RESIDUAL_PHASE
BLOCKED_PHASE = (timing.DMA_WRITE_PHASE - timing.PLAIN_WRITE) % timing.PHASES
FLUSH_CYCLES = timing.FLUSH
SETTLE_CYCLES = timing.READ_LATENCY + 1
PLAIN_WRITE, RESIDUAL_WRITE = timing.PLAIN_WRITE, timing.RESIDUAL_WRITE


def state() -> np.ndarray:
    """A reset drain."""
    return np.zeros(SIZE, np.int64)


@njit(cache=True)
def parameters_ready(d):
    """The held tile's parameters and table have arrived."""
    return d[LINES_LEFT] == 0 and d[TABLE_LEFT] == 0 and d[SETTLE] == 0


@njit(cache=True)
def wants(d):
    """Whether parameters, or a table once the post-processor is empty, are requested in this cycle."""
    return d[HELD] and (d[LINES_LEFT] > 0 or (d[TABLE_LEFT] > 0 and d[FLUSH] == 0))


@njit(cache=True)
def issues(d, commands, cmd, phase):
    """Whether a beat issues in this cycle; ``cmd`` is the held tile's."""
    if not d[HELD] or not parameters_ready(d) or (d[COMMAND_FIRST] and d[FLUSH]):
        return False
    return phase % 4 == RESIDUAL_PHASE if commands[cmd, col.RESIDUAL] else phase != BLOCKED_PHASE


@njit(cache=True)
def takes_tile(d, commands, cmd, words):
    """Whether the last multiply-accumulate of a tile may issue in this cycle."""
    if d[ISSUED_1] or d[ISSUED_2]:
        return False
    if not d[HELD]:
        return True
    if not parameters_ready(d) or (d[COMMAND_FIRST] and d[FLUSH]) or commands[cmd, col.RESIDUAL]:
        return False
    near = 2 * words if commands[cmd, col.DENSE] else 2
    return d[PLANE] == d[PLANES] - 1 and d[PIXELS] - d[PIXEL] <= near


@njit(cache=True)
def step(d, commands, cmd, beat, granted, issued_tile, words, table_words):
    """Advance one cycle. ``granted``: a parameter or table request was. Returns whether a command's last word is written."""
    finished = False
    if d[WRITE_AT]:
        d[WRITE_AT] -= 1
        finished = d[WRITE_AT] == 0
    d[SETTLE] = SETTLE_CYCLES - 1 if granted else max(d[SETTLE] - 1, 0)
    d[FLUSH] = FLUSH_CYCLES - 1 if beat else max(d[FLUSH] - 1, 0)
    if granted:
        if d[LINES_LEFT]:
            d[LINES_LEFT] -= 1
        else:
            d[TABLE_LEFT] -= 1
    if beat:
        _beat(d, commands, cmd, words)
    if d[ISSUED_2]:
        _hold(d, commands, table_words)
    d[ISSUED_2] = d[ISSUED_1]
    d[ISSUED_1] = issued_tile
    return finished


@njit(cache=True)
def _beat(d, commands, cmd, words):
    d[COMMAND_FIRST] = 0
    d[PIXEL] += words if commands[cmd, col.DENSE] else 1
    if d[PIXEL] >= d[PIXELS]:
        d[PIXEL] = 0
        d[PLANE] += 1
        if d[PLANE] == d[PLANES]:
            d[PLANE] = 0
            d[HELD] = 0
            if d[COMMAND_END]:
                d[WRITE_AT] = RESIDUAL_WRITE if commands[cmd, col.RESIDUAL] else PLAIN_WRITE


@njit(cache=True)
def _hold(d, commands, table_words):
    """The tile on its way becomes the held one."""
    d[HELD] = 1
    d[COMMAND], d[PIXELS], d[PLANES] = d[T_COMMAND], d[T_PIXELS], d[T_PLANES]
    d[COMMAND_END] = d[T_COMMAND_END]
    if d[T_BLOCK_START]:
        d[LINES_LEFT] = 2 * d[PLANES]
    if d[T_COMMAND_START]:
        d[COMMAND_FIRST] = 1
        d[TABLE_LEFT] = table_words * commands[d[COMMAND], col.TABLE]
