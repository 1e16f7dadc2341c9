"""Stretches of cycles in which the array does the same and nothing else begins or ends, at once.

Only the middle of a step and waiting are among them: the memory side sleeps, the drain holds no
tile, no weights are requested, and fill has no more to do than to fetch lines of one step.
"""

from hw.spec.regs import Counter
from sim.timing import columns as col
from sim.timing import drain, execute, fill, weights
from sim.timing.shared import EXECUTE_DONE, EXECUTE_PUSHED, LOAD_DONE, STORE_DONE, compiled

BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)
OCCUPIED, FILLED = int(Counter.OCCUPIED), int(Counter.POOL_LINES_FILLED)
STALL_OPERAND, STALL_DRAIN = int(Counter.STALL_OPERAND), int(Counter.STALL_DRAIN)
STALL_WEIGHT = int(Counter.STALL_WEIGHT)
HOLD_CYCLES = drain.HOLD_CYCLES
RING, WEIGHT_RING = fill.STEP_RING, weights.RING


@compiled
def skip(cycle, e, now, counters, sizes, most):
    """Advance the execute unit by as many cycles as are calm from ``cycle`` on, at most ``most``.

    Until then the memory side sleeps. Returns their number, negative if the array is busy in them.
    """
    f, steps, _, _, w, d, work, commands, busy, _, _ = e
    if d[drain.HELD] != 0 or weights.wants(w):
        return 0
    if w[weights.ACTIVE] == 0 and w[weights.TAKEN] < f[fill.BEGUN]:
        return 0
    count = _fill_waits(cycle, f, commands, now, most)
    hold = d[drain.ISSUED] + HOLD_CYCLES
    if hold >= cycle:
        count = min(count, hold - cycle)
    if d[drain.WRITTEN] >= cycle:
        count = min(count, d[drain.WRITTEN] - cycle)
    if count <= 0:
        return 0
    head = f[fill.POPPED] & (RING - 1)
    cmd = steps[head, fill.S_COMMAND]
    left = steps[head, fill.S_WORK] - 1 - work[execute.WORK_DONE]
    if f[fill.PUSHED] == f[fill.POPPED]:
        cause = execute.idle_cause(f, commands, now)
    elif cycle < steps[head, fill.S_VISIBLE]:
        count = min(count, steps[head, fill.S_VISIBLE] - cycle)
        cause = STALL_OPERAND
    elif commands[cmd, col.ONES] == 0 and not weights.ready(cycle, w):
        if w[weights.HEAD] != w[weights.ISSUED]:
            ready = w[weights.READY + (w[weights.HEAD] & (WEIGHT_RING - 1))]
            count = min(count, ready - cycle)
        cause = STALL_WEIGHT
    elif left > 0:
        count = min(count, left)
        if commands[cmd, col.ONES] == 0:
            count = min(count, _words_ready(cycle, w, commands, cmd, sizes.line_words))
        if count <= 0:
            return 0
        _work(count, steps, head, w, work, commands, cmd, busy, sizes.line_bits)
        cause = BUSY_OTHER
        if commands[cmd, col.NETWORK] != 0:
            cause = BUSY_NETWORK
            counters[OCCUPIED] += count * steps[head, fill.S_OCCUPIED]
    elif steps[head, fill.S_LAST] != 0 and cycle <= hold:
        cause = STALL_DRAIN
    else:
        return 0
    counters[cause] += count
    if f[fill.STATE] == fill.RUN and f[fill.PUSHED] - f[fill.POPPED] < RING:
        counters[FILLED] += count
        f[fill.LINES] -= count
    return -count if cause == BUSY_NETWORK or cause == BUSY_OTHER else count


@compiled
def _fill_waits(cycle, f, commands, now, most):
    """Cycles, at most ``most``, in which fill does no more than to have lines granted."""
    state = f[fill.STATE]
    if state == fill.RUN:
        if f[fill.PUSHED] - f[fill.POPPED] == RING:
            return most
        return min(most, f[fill.LINES] - 1)
    if state == fill.INIT:
        return min(most, f[fill.INIT_ENDS] - cycle)
    if state == fill.IDLE:
        takes = now[EXECUTE_PUSHED] > f[fill.TAKEN] and f[fill.TAKEN] - now[EXECUTE_DONE] < 2
        return 0 if takes else most
    cmd = f[fill.TAKEN] - 1
    begins = (now[LOAD_DONE] >= commands[cmd, col.WAIT_LOAD]
              and now[STORE_DONE] >= commands[cmd, col.WAIT_STORE]
              and now[EXECUTE_DONE] >= commands[cmd, col.WAIT_EXECUTE])
    return 0 if begins else most


@compiled
def _words_ready(cycle, w, commands, cmd, line_words):
    """Cycles for which the array has weights before it asks for more.

    Those of one line, but for its last; of all lines there if none is fetched behind them.
    """
    shape = commands[cmd, col.ARRAY_SHAPE]
    last = w[weights.READY + ((w[weights.ISSUED] - 1) & (WEIGHT_RING - 1))]
    if commands[cmd, col.RESIDENT] != 0 and cycle >= last:
        lines = w[weights.ISSUED] - w[weights.HEAD]
        return (lines * line_words - w[weights.POSITION]) >> shape
    return ((line_words - w[weights.POSITION]) >> shape) - 1


@compiled
def _work(count, steps, head, w, work, commands, cmd, busy, line_bits):
    """``count`` multiply-accumulates of a step, and not its last."""
    work[execute.WORK_DONE] += count
    busy[cmd] += count
    if commands[cmd, col.ONES] == 0:
        position = w[weights.POSITION] + (count << commands[cmd, col.ARRAY_SHAPE])
        w[weights.HEAD] += position >> line_bits
        w[weights.POSITION] = position & ((1 << line_bits) - 1)
