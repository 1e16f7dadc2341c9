"""Fast-forward of the execute unit, by many cycles in which its behaviour repeats.

These cycles are the middle of a tap group, and waiting. The memory side sleeps, the drain holds no
pixel group, and the operand fetch only fetches lines of one tap group. Lines of weights may be
fetched.
"""

from hw.spec.regs import Counter
from sim.timing import execute_fields as col
from sim.timing.core import (
    drain,
    execute_unit,
    operand_fetch,
    weight_store,
)
from sim.timing.state import (
    EXECUTE_DONE,
    EXECUTE_PUSHED,
    LOAD_DONE,
    STORE_DONE,
    compiled,
)

BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)
OCCUPIED, FILLED = int(Counter.OCCUPIED), int(Counter.OPERAND_LINES_READ)
STALL_OPERAND, STALL_DRAIN = int(Counter.STALL_OPERAND), int(Counter.STALL_DRAIN)
STALL_WEIGHT, WEIGHTED = int(Counter.STALL_WEIGHT), int(Counter.WEIGHT_LINES_READ)
HOLD_CYCLES = drain.HOLD_CYCLES
RING, WEIGHT_RING = operand_fetch.TAP_GROUP_RING, weight_store.RING


@compiled
def skip(cycle, e, now, counters, sizes, most):
    """Advance the execute unit by as many cycles as are calm from ``cycle`` on, at most ``most``.

    Until then the memory side sleeps. Returns their number, negative if the array is busy in them.
    """
    f, tap_groups, _, _, w, d, work, commands, _, _, _ = e
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
    head = f[operand_fetch.POPPED] & (RING - 1)
    cmd = tap_groups[head, operand_fetch.S_COMMAND]
    left = tap_groups[head, operand_fetch.S_WORK] - 1 - work[execute_unit.WORK_DONE]
    if f[operand_fetch.PUSHED] == f[operand_fetch.POPPED]:
        cause = execute_unit.idle_cause(f, commands, now)
    elif cycle < tap_groups[head, operand_fetch.S_VISIBLE]:
        count = min(count, tap_groups[head, operand_fetch.S_VISIBLE] - cycle)
        cause = STALL_OPERAND
    elif commands[cmd, col.ONES] == 0 and not weight_store.ready(cycle, w):
        if w[weight_store.HEAD] != w[weight_store.ISSUED]:
            ready = w[weight_store.READY + (w[weight_store.HEAD] & (WEIGHT_RING - 1))]
            count = min(count, ready - cycle)
        cause = STALL_WEIGHT
    elif left > 0:
        return -_work(cycle, min(count, left), e, head, counters, sizes)
    elif tap_groups[head, operand_fetch.S_LAST] != 0 and cycle <= hold:
        cause = STALL_DRAIN
    else:
        return 0
    if weight_store.wants(w):
        return 0
    if _fetches(f):
        count = min(count, f[operand_fetch.LINES] - 1)
        counters[FILLED] += count
        f[operand_fetch.LINES] -= count
    counters[cause] += count
    return count


@compiled
def _takes(w, f):
    """Whether the weights unit takes a command."""
    return w[weight_store.ACTIVE] == 0 and w[weight_store.TAKEN] < f[operand_fetch.BEGUN]


@compiled
def _fetches(f):
    """Whether fill has lines fetched."""
    return (
        f[operand_fetch.STATE] == operand_fetch.RUN
        and f[operand_fetch.PUSHED] - f[operand_fetch.POPPED] < RING
    )


@compiled
def _fill_waits(cycle, f, commands, now, most):
    """Cycles, at most ``most``, in which fill does no more than to have lines granted."""
    state = f[operand_fetch.STATE]
    if state == operand_fetch.RUN:
        return 0 if _fetches(f) and f[operand_fetch.LINES] <= 1 else most
    if state == operand_fetch.INIT:
        return min(most, f[operand_fetch.INIT_ENDS] - cycle)
    if state == operand_fetch.IDLE:
        takes = (
            now[EXECUTE_PUSHED] > f[operand_fetch.TAKEN]
            and f[operand_fetch.TAKEN] - now[EXECUTE_DONE] < 2
        )
        return 0 if takes else most
    cmd = f[operand_fetch.TAKEN] - 1
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
    f, tap_groups, _, _, w, _, work, commands, busy, _, _ = e
    cmd = tap_groups[head, operand_fetch.S_COMMAND]
    weighted = commands[cmd, col.ONES] == 0
    fetches = _fetches(f)
    end = cycle + most
    now = cycle
    while now < end and not (weighted and not weight_store.ready(now, w)):
        granted = weight_store.wants(w)
        count = 1 if granted else end - now
        if weighted:
            count = min(count, _rest(w, commands, cmd, sizes.line_words))
        if fetches and not granted:
            count = min(count, f[operand_fetch.LINES] - 1)
            counters[FILLED] += count
            f[operand_fetch.LINES] -= count
        if weighted:
            weight_store.use(count, w, commands, cmd, False, 0, sizes.line_words)
        if granted:
            counters[WEIGHTED] += 1
            weight_store.grant(now, w, commands, sizes.rows)
        now += count
        if (fetches and f[operand_fetch.LINES] == 1) or _takes(w, f):
            break
    count = now - cycle
    work[execute_unit.WORK_DONE] += count
    busy[cmd] += count
    if commands[cmd, col.NETWORK] != 0:
        counters[BUSY_NETWORK] += count
        counters[OCCUPIED] += count * tap_groups[head, operand_fetch.S_OCCUPIED]
    else:
        counters[BUSY_OTHER] += count
    return count


@compiled
def _rest(w, commands, cmd, line_words):
    """Multiply-accumulates for which the line at the head has words."""
    return (line_words - w[weight_store.POSITION]) >> commands[cmd, col.ARRAY_SHAPE]
