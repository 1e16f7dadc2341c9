"""Stretches of cycles in which the array does the same and nothing else begins or ends, at once.

Only the middle of a step and waiting are among them: the memory side sleeps, the drain holds no
tile, and fill has no more to do than to fetch lines of one step. Lines of weights may be fetched.
"""

from hw.spec.regs import Counter
from sim.timing import columns as col
from sim.timing import drain, execute, fill, weights
from sim.timing.shared import EXECUTE_DONE, EXECUTE_PUSHED, LOAD_DONE, STORE_DONE, compiled

BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)
OCCUPIED, FILLED = int(Counter.OCCUPIED), int(Counter.OPERAND_LINES_READ)
STALL_OPERAND, STALL_DRAIN = int(Counter.STALL_OPERAND), int(Counter.STALL_DRAIN)
STALL_WEIGHT, WEIGHTED = int(Counter.STALL_WEIGHT), int(Counter.WEIGHT_LINES_READ)
HOLD_CYCLES = drain.HOLD_CYCLES
RING, WEIGHT_RING = fill.STEP_RING, weights.RING


@compiled
def skip(cycle, e, now, counters, sizes, most):
    """Advance the execute unit by as many cycles as are calm from ``cycle`` on, at most ``most``.

    Until then the memory side sleeps. Returns their number, negative if the array is busy in them.
    """
    f, steps, _, _, w, d, work, commands, busy, _, _ = e
    if d[drain.HELD] != 0 or _takes(w, f):
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
        return -_work(cycle, min(count, left), e, head, counters, sizes)
    elif steps[head, fill.S_LAST] != 0 and cycle <= hold:
        cause = STALL_DRAIN
    else:
        return 0
    if weights.wants(w):
        return 0
    if _fetches(f):
        count = min(count, f[fill.LINES] - 1)
        counters[FILLED] += count
        f[fill.LINES] -= count
    counters[cause] += count
    return count


@compiled
def _takes(w, f):
    """Whether the weights unit takes a command."""
    return w[weights.ACTIVE] == 0 and w[weights.TAKEN] < f[fill.BEGUN]


@compiled
def _fetches(f):
    """Whether fill has lines fetched."""
    return f[fill.STATE] == fill.RUN and f[fill.PUSHED] - f[fill.POPPED] < RING


@compiled
def _fill_waits(cycle, f, commands, now, most):
    """Cycles, at most ``most``, in which fill does no more than to have lines granted."""
    state = f[fill.STATE]
    if state == fill.RUN:
        return 0 if _fetches(f) and f[fill.LINES] <= 1 else most
    if state == fill.INIT:
        return min(most, f[fill.INIT_ENDS] - cycle)
    if state == fill.IDLE:
        takes = now[EXECUTE_PUSHED] > f[fill.TAKEN] and f[fill.TAKEN] - now[EXECUTE_DONE] < 2
        return 0 if takes else most
    cmd = f[fill.TAKEN] - 1
    begins = (
        now[LOAD_DONE] >= commands[cmd, col.WAIT_LOAD]
        and now[STORE_DONE] >= commands[cmd, col.WAIT_STORE]
        and now[EXECUTE_DONE] >= commands[cmd, col.WAIT_EXECUTE]
    )
    return 0 if begins else most


@compiled
def _work(cycle, most, e, head, counters, sizes):
    """At most ``most`` multiply-accumulates of a step, and not its last; returns their number.

    They end before the weights run out, before fill has the last line of a step, and when the
    weights unit takes a command.
    """
    f, steps, _, _, w, _, work, commands, busy, _, _ = e
    cmd = steps[head, fill.S_COMMAND]
    weighted = commands[cmd, col.ONES] == 0
    fetches = _fetches(f)
    end = cycle + most
    now = cycle
    while now < end and not (weighted and not weights.ready(now, w)):
        granted = weights.wants(w)
        count = 1 if granted else end - now
        if weighted:
            count = min(count, _rest(w, commands, cmd, sizes.line_words))
        if fetches and not granted:
            count = min(count, f[fill.LINES] - 1)
            counters[FILLED] += count
            f[fill.LINES] -= count
        if weighted:
            weights.use(count, w, commands, cmd, False, 0, sizes.line_words)
        if granted:
            counters[WEIGHTED] += 1
            weights.grant(now, w, commands, sizes.rows)
        now += count
        if (fetches and f[fill.LINES] == 1) or _takes(w, f):
            break
    count = now - cycle
    work[execute.WORK_DONE] += count
    busy[cmd] += count
    if commands[cmd, col.NETWORK] != 0:
        counters[BUSY_NETWORK] += count
        counters[OCCUPIED] += count * steps[head, fill.S_OCCUPIED]
    else:
        counters[BUSY_OTHER] += count
    return count


@compiled
def _rest(w, commands, cmd, line_words):
    """Multiply-accumulates for which the line at the head has words."""
    return (line_words - w[weights.POSITION]) >> commands[cmd, col.ARRAY_SHAPE]
