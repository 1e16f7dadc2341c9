"""Fast-forward of the execute unit, by many cycles in which its behaviour repeats.

These cycles are all of a pixel group's multiply-accumulates but the last, and waiting. The memory
side sleeps, the drain is empty or in the middle of a pixel group, and the operand fetch only
fetches lines of one tap group. Lines of weights may be fetched.
"""

from hw.spec.regs import Counter
from sim.timing.core import (
    drain,
    mac_sequencer,
    operand_fetch,
    operand_store,
    weight_store,
)
from sim.timing.state import compiled

BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)
OCCUPIED, OPERAND_LINES = int(Counter.OCCUPIED), int(Counter.OPERAND_LINES_READ)
STALL_OPERAND, STALL_DRAIN = int(Counter.STALL_OPERAND), int(Counter.STALL_DRAIN)
OUTPUT_BEATS = int(Counter.OUTPUT_BEATS)
STALL_WEIGHT, WEIGHT_LINES = int(Counter.STALL_WEIGHT), int(Counter.WEIGHT_LINES_READ)
HOLD_CYCLES = drain.HOLD_CYCLES
WEIGHT_RING = weight_store.RING


@compiled
def skip(cycle, unit, now, counters, phase, sizes, most):
    """Advance the execute unit by as many cycles as are calm from ``cycle`` on, which has that
    phase, at most ``most``.

    Until then the memory side sleeps. Returns their number, negative if the array is busy in them.
    """
    held = unit.drain[0]
    if held.held == 0:
        return _skip(cycle, unit, now, counters, sizes, most)
    command = unit.commands[held.command]
    calm = drain.calm_cycles(cycle, held, command, sizes)
    count = _skip(cycle, unit, now, counters, sizes, min(most, calm)) if calm > 0 else 0
    if count != 0:
        beats = drain.issue_calmly(abs(count), held, command, phase, sizes)
        counters[OUTPUT_BEATS] += beats
    return count


@compiled
def _skip(cycle, unit, now, counters, sizes, most):
    """The same without the output beats."""
    fetch, store, weights, held = unit.fetch[0], unit.store[0], unit.weights[0], unit.drain[0]
    if weight_store.takes(weights, fetch.begun):
        return 0
    count = _fetch_waits(cycle, unit, now, most)
    hold = held.issued + HOLD_CYCLES
    if hold >= cycle:
        count = min(count, hold - cycle)
    if held.written >= cycle:
        count = min(count, held.written - cycle)
    if count <= 0:
        return 0
    tap_group = operand_store.oldest(store, unit.tap_groups)
    left = mac_sequencer.calm_cycles(tap_group, unit.sequencer[0])
    if operand_store.is_empty(store):
        cause = mac_sequencer.idle_cause(unit, now)
    elif cycle < tap_group.visible:
        count = min(count, tap_group.visible - cycle)
        cause = STALL_OPERAND
    elif unit.commands[tap_group.command].ones == 0 and not weight_store.ready(cycle, weights):
        if weights.head != weights.issued:
            count = min(count, weights.ready_at[weights.head & (WEIGHT_RING - 1)] - cycle)
        cause = STALL_WEIGHT
    elif left > 0:
        return -_work(cycle, count, unit, counters, sizes)
    elif tap_group.last != 0 and cycle <= hold:
        cause = STALL_DRAIN
    else:
        return 0
    if _wants_line(cycle, weights):
        return 0
    if _fetches(fetch, store):
        count = min(count, fetch.lines - 1)
        counters[OPERAND_LINES] += count
        fetch.lines -= count
    counters[cause] += count
    return count


@compiled
def _wants_line(cycle, weights):
    """Whether a line of weights is requested in this cycle or the next."""
    return weight_store.wants(cycle, weights) or weight_store.wants(cycle + 1, weights)


@compiled
def _fetches(fetch, store):
    """Whether operand fetch has lines fetched."""
    return fetch.state == operand_fetch.RUN and fetch.holds != 0 and operand_store.has_room(store)


@compiled
def _fetch_waits(cycle, unit, now, most):
    """Cycles, at most ``most``, in which operand fetch does no more than to have lines granted."""
    fetch = unit.fetch[0]
    if fetch.state == operand_fetch.RUN:
        if fetch.holds == 0:
            return min(most, fetch.ready_at - cycle)
        return 0 if _fetches(fetch, unit.store[0]) and fetch.lines <= 1 else most
    if fetch.state == operand_fetch.INIT:
        return min(most, fetch.init_ends - cycle)
    if fetch.state == operand_fetch.IDLE:
        return 0 if operand_fetch.takes(fetch, now) else most
    return 0 if operand_fetch.begins(unit, now) else most


@compiled
def _work(cycle, most, unit, counters, sizes):
    """At most ``most`` multiply-accumulates, without the last one of a pixel group; returns their
    number. They end when something else is to happen."""
    store, sequencer = unit.store[0], unit.sequencer[0]
    now, end = cycle, cycle + most
    while now < end:
        tap_group = operand_store.oldest(store, unit.tap_groups)
        if operand_store.is_empty(store) or now < tap_group.visible:
            break
        left = mac_sequencer.calm_cycles(tap_group, sequencer)
        count = _work_on(now, min(left, end - now), tap_group, unit, counters, sizes)
        now += count
        sequencer.done += count
        if count < left or tap_group.last != 0:
            break
        sequencer.done = 0
        store.popped += 1
        if _must_step(unit):
            break
    return now - cycle


@compiled
def _must_step(unit):
    """Whether operand fetch may have the last line of a tap group granted, or the weight store take
    a command."""
    fetch = unit.fetch[0]
    last_line = fetch.lines <= 1 and _fetches(fetch, unit.store[0])
    return last_line or weight_store.takes(unit.weights[0], fetch.begun)


@compiled
def _work_on(cycle, most, tap_group, unit, counters, sizes):
    """At most ``most`` multiply-accumulates of the oldest tap group; returns their number.

    They end before the weights run out, and when it ``_must_step``.
    """
    fetch, weights = unit.fetch[0], unit.weights[0]
    command = unit.commands[tap_group.command]
    weighted = command.ones == 0
    fetches = _fetches(fetch, unit.store[0])
    end = cycle + most
    now = cycle
    while now < end and not (weighted and not weight_store.ready(now, weights)):
        lines = _steady_lines(now, end, unit, command, fetches, sizes)
        if lines > 0:
            period = sizes.line_words >> command.array_shape
            weight_store.use_lines(now, lines, period, weights)
            count = lines * period
        else:
            count, lines = _use_some(now, end, unit, command, fetches, sizes)
        counters[WEIGHT_LINES] += lines
        if fetches:
            counters[OPERAND_LINES] += count - lines
            fetch.lines -= count - lines
        now += count
        if _must_step(unit):
            break
    count = now - cycle
    unit.busy[tap_group.command] += count
    if command.network != 0:
        counters[BUSY_NETWORK] += count
        counters[OCCUPIED] += count * tap_group.occupied
    else:
        counters[BUSY_OTHER] += count
    return count


@compiled
def _steady_lines(now, end, unit, command, fetches, sizes):
    """Lines of weights that are used one after another from cycle ``now`` on, while others come,
    before ``end`` and before operand fetch has the last line of a tap group."""
    period = sizes.line_words >> command.array_shape
    if command.ones != 0 or command.resident != 0 or period == 1:
        return 0
    most = (end - now) >> (sizes.line_bits - command.array_shape)
    count = min(most, weight_store.steady_lines(now, unit.weights[0], unit.commands))
    if fetches and count * (period - 1) >= unit.fetch[0].lines:
        return (unit.fetch[0].lines - 1) // (period - 1)
    return count


@compiled
def _use_some(now, end, unit, command, fetches, sizes):
    """Use words of one line of weights, if the command has any, from cycle ``now`` on. Returns the
    cycles and the lines granted in them, 0 or 1."""
    weights = unit.weights[0]
    weighted = command.ones == 0
    granted = weight_store.wants(now, weights)
    count = 1 if _wants_line(now, weights) else end - now
    if weighted:
        count = min(count, (sizes.line_words - weights.position) >> command.array_shape)
    if fetches and not granted:
        count = min(count, unit.fetch[0].lines - 1)
    if weighted:
        weight_store.use(now + count - 1, count, weights, command, False, 0, sizes.line_words)
    if granted:
        weight_store.grant(now, weights, unit.commands, sizes.rows)
        return count, 1
    return count, 0
