"""Drain, one cycle at a time (docs/architecture.md, 3.9)."""

import numpy as np

from hw.spec import timing
from sim.timing import execute_fields as col
from sim.timing.core import operand_fetch
from sim.timing.state import compiled

HELD, COMMAND, PIXELS, PLANES, COMMAND_END, COMMAND_FIRST = range(6)
LINES_LEFT, TABLE_LEFT, PLANE, PIXEL = range(6, 10)
# cycles: from which parameters are there, and the post-processor is empty; in which the last word
# of a command is written, and the last multiply-accumulate of a tile was issued
SETTLED, FLUSHED, WRITTEN, ISSUED = range(10, 14)
# the tile issued last
T_COMMAND, T_PIXELS, T_PLANES, T_BLOCK_START, T_COMMAND_START, T_COMMAND_END = range(14, 20)
SIZE = 20

RESIDUAL_PHASE, RESIDUAL_INTERVAL = timing.RESIDUAL_PHASE, timing.RESIDUAL_INTERVAL
BLOCKED_PHASE = timing.DMA_WRITE_PHASE - timing.PLAIN_WRITE
FLUSH_CYCLES = timing.FLUSH
SETTLE_CYCLES = timing.SETTLE
HOLD_CYCLES = timing.MAC_LATENCY - 1
NEAR_END = timing.NEAR_END
PLAIN_WRITE, RESIDUAL_WRITE = timing.PLAIN_WRITE, timing.RESIDUAL_WRITE


def state() -> np.ndarray:
    """A reset drain."""
    d = np.zeros(SIZE, np.int64)
    d[ISSUED] = -timing.MAC_LATENCY
    return d


@compiled
def may_issue(cycle, d):
    """The held tile's parameters and table have arrived, and another command's beats are gone."""
    return (
        d[LINES_LEFT] == 0
        and d[TABLE_LEFT] == 0
        and cycle >= d[SETTLED]
        and (d[COMMAND_FIRST] == 0 or cycle >= d[FLUSHED])
    )


@compiled
def wants(cycle, d):
    """Whether parameters, or a table once the post-processor is empty, are requested."""
    return d[HELD] != 0 and (d[LINES_LEFT] > 0 or (d[TABLE_LEFT] > 0 and cycle >= d[FLUSHED]))


@compiled
def issues(cycle, d, commands, cmd, phase, sizes):
    """Whether a beat issues in this cycle; ``cmd`` is the held tile's."""
    if d[HELD] == 0 or not may_issue(cycle, d):
        return False
    if commands[cmd, col.RESIDUAL] != 0:
        return phase % RESIDUAL_INTERVAL == RESIDUAL_PHASE
    return phase != BLOCKED_PHASE & (sizes.line_words - 1)


@compiled
def takes_pixel_group(cycle, d, commands, cmd, words):
    """Whether the last multiply-accumulate of a tile may issue in this cycle."""
    if cycle <= d[ISSUED] + HOLD_CYCLES:
        return False
    if d[HELD] == 0:
        return True
    if not may_issue(cycle, d):
        return False
    beats = 1 if commands[cmd, col.RESIDUAL] != 0 else NEAR_END
    near = beats * words if commands[cmd, col.DENSE] != 0 else beats
    return d[PLANE] == d[PLANES] - 1 and d[PIXELS] - d[PIXEL] <= near


@compiled
def send(cycle, d, tap_groups, head):
    """The last multiply-accumulate of a tile, in row ``head`` of ``tap_groups``, is issued."""
    d[ISSUED] = cycle
    d[T_COMMAND] = tap_groups[head, operand_fetch.S_COMMAND]
    d[T_PIXELS] = tap_groups[head, operand_fetch.S_PIXELS]
    d[T_PLANES] = tap_groups[head, operand_fetch.S_PLANES]
    d[T_BLOCK_START] = tap_groups[head, operand_fetch.S_BLOCK_START]
    d[T_COMMAND_START] = tap_groups[head, operand_fetch.S_COMMAND_START]
    d[T_COMMAND_END] = tap_groups[head, operand_fetch.S_COMMAND_END]


@compiled
def tick(cycle, d, commands, cmd, beat, granted, sizes):
    """Advance one cycle. ``granted``: a parameter or table request was.

    Returns whether a command's last word is written.
    """
    finished = cycle == d[WRITTEN]
    if granted:
        d[SETTLED] = cycle + SETTLE_CYCLES
        if d[LINES_LEFT] != 0:
            d[LINES_LEFT] -= 1
        else:
            d[TABLE_LEFT] -= 1
    if beat:
        d[FLUSHED] = cycle + FLUSH_CYCLES
        _beat(cycle, d, commands, cmd, sizes.requant_words)
    if cycle == d[ISSUED] + HOLD_CYCLES:
        _hold(d, commands, sizes)
    return finished


@compiled
def _beat(cycle, d, commands, cmd, words):
    d[COMMAND_FIRST] = 0
    d[PIXEL] += words if commands[cmd, col.DENSE] != 0 else 1
    if d[PIXEL] >= d[PIXELS]:
        d[PIXEL] = 0
        d[PLANE] += 1
        if d[PLANE] == d[PLANES]:
            d[PLANE] = 0
            d[HELD] = 0
            if d[COMMAND_END] != 0:
                d[WRITTEN] = cycle + (
                    RESIDUAL_WRITE if commands[cmd, col.RESIDUAL] != 0 else PLAIN_WRITE
                )


@compiled
def _hold(d, commands, sizes):
    """The tile on its way becomes the held one."""
    d[HELD] = 1
    d[COMMAND] = d[T_COMMAND]
    d[PIXELS] = d[T_PIXELS]
    d[PLANES] = d[T_PLANES]
    d[COMMAND_END] = d[T_COMMAND_END]
    if d[T_BLOCK_START] != 0:
        d[LINES_LEFT] = sizes.param_lines * d[PLANES]
    if d[T_COMMAND_START] != 0:
        d[COMMAND_FIRST] = 1
        d[TABLE_LEFT] = sizes.table_words * commands[d[COMMAND], col.TABLE]
