"""The execute unit, one cycle at a time: fill, weights, array and drain (docs/architecture.md,
3.6 to 3.9).

Pipeline delays are stored as absolute due cycles instead of shift registers, so that idle units
need no update.
"""

from typing import NamedTuple

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.regs import Counter
from hw.spec.timing import FILL_SETUP
from sim.timing import execute_fields as col
from sim.timing.core import (
    drain,
    operand_fetch,
    weight_store,
)
from sim.timing.state import (
    EXECUTE_DONE,
    EXECUTE_POPPED,
    EXECUTE_PUSHED,
    LOAD_DONE,
    PHASE,
    STORE_DONE,
    compiled,
)

WORK_DONE = 0
"""Element of ``work``: multiply-accumulates of the oldest step already issued."""

BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)
STALL_OPERAND = int(Counter.STALL_OPERAND)
STALL_WEIGHT = int(Counter.STALL_WEIGHT)
STALL_DRAIN = int(Counter.STALL_DRAIN)
WAIT_LOAD, WAIT_STORE = int(Counter.WAIT_LOAD), int(Counter.WAIT_STORE)
WAIT_EXECUTE, WAIT_COMMAND = int(Counter.WAIT_EXECUTE), int(Counter.WAIT_COMMAND)
OCCUPIED, DRAINED = int(Counter.OCCUPIED), int(Counter.OUTPUT_BEATS)
FILLED, WEIGHTED = int(Counter.OPERAND_LINES_READ), int(Counter.WEIGHT_LINES_READ)
RING = operand_fetch.TAP_GROUP_RING


class Execute(NamedTuple):
    """State of the unit and its commands; every member an int64 array."""

    fill: np.ndarray
    tap_groups: np.ndarray
    lanes: np.ndarray
    found: np.ndarray
    weights: np.ndarray
    drain: np.ndarray
    work: np.ndarray
    commands: np.ndarray
    busy: np.ndarray
    """Cycles of the array, for each command."""
    start: np.ndarray
    """First cycle, for each command."""
    done: np.ndarray
    """Last cycle, for each command."""


def state(config: AccelConfig, commands: np.ndarray) -> Execute:
    """A reset execute unit with all the EXECUTE commands of a program, int64 [n, fields]."""
    registers, tap_groups = operand_fetch.state()
    count = max(1, len(commands))
    return Execute(
        registers,
        tap_groups,
        operand_fetch.lane_state(config.rows),
        np.zeros(2 * config.rows, np.int64),
        weight_store.state(),
        drain.state(),
        np.zeros(1, np.int64),
        np.ascontiguousarray(commands, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
    )


@compiled
def tick(cycle, e, now, nxt, counters, storing, sizes):
    """Advance one cycle. ``storing``: STORE has the read port.

    Returns the counter that counts the array's cycle.
    """
    f, tap_groups, lanes, found, w, d, work, commands, busy, start, done = e
    # what is requested and granted, from the registers
    held = d[drain.COMMAND]
    beat = drain.issues(cycle, d, commands, held, now[PHASE], sizes)
    takes_pixel_group = drain.takes_pixel_group(cycle, d, commands, held, sizes.requant_words)
    free = not storing and not (beat and commands[held, col.RESIDUAL] != 0)
    grant_parameters = free and drain.wants(cycle, d)
    free = free and not drain.wants(cycle, d)
    grant_weights = free and weight_store.wants(w)
    room = f[operand_fetch.PUSHED] - f[operand_fetch.POPPED] < RING
    grant_fill = free and not grant_weights and room and f[operand_fetch.LINES] > 0
    # the array
    cause = _array(
        cycle, f, tap_groups, w, d, work, commands, busy, counters, now, takes_pixel_group, sizes
    )
    counters[cause] += 1
    # the clock edge
    if grant_weights:
        counters[WEIGHTED] += 1
        weight_store.grant(cycle, w, commands, sizes.rows)
    elif w[weight_store.ACTIVE] == 0 and w[weight_store.TAKEN] < f[operand_fetch.BEGUN]:
        weight_store.take(w, commands)
    if f[operand_fetch.STATE] == operand_fetch.RUN:
        if grant_fill:
            counters[FILLED] += 1
            f[operand_fetch.LINES] -= 1
        if room and f[operand_fetch.LINES] == 0:
            _run(cycle, f, tap_groups, lanes, found, commands, sizes)
    else:
        _begin(cycle, f, tap_groups, lanes, found, commands, start, now, nxt, sizes)
    if beat:
        counters[DRAINED] += 1
    if drain.tick(cycle, d, commands, held, beat, grant_parameters, sizes):
        done[now[EXECUTE_DONE]] = cycle
        nxt[EXECUTE_DONE] = now[EXECUTE_DONE] + 1
    return cause


@compiled
def _array(
    cycle, f, tap_groups, w, d, work, commands, busy, counters, now, takes_pixel_group, sizes
):
    """The array's part of a cycle; returns the counter that counts it."""
    head = f[operand_fetch.POPPED] & (RING - 1)
    if (
        f[operand_fetch.PUSHED] == f[operand_fetch.POPPED]
        or cycle < tap_groups[head, operand_fetch.S_VISIBLE]
    ):
        return idle_cause(f, commands, now)
    cmd = tap_groups[head, operand_fetch.S_COMMAND]
    ones = commands[cmd, col.ONES] != 0
    if not ones and not weight_store.ready(cycle, w):
        return STALL_WEIGHT
    tap_group_end = work[WORK_DONE] == tap_groups[head, operand_fetch.S_WORK] - 1
    pixel_group_end = tap_group_end and tap_groups[head, operand_fetch.S_LAST] != 0
    if pixel_group_end and not takes_pixel_group:
        return STALL_DRAIN
    if not ones:
        weight_store.use(
            1,
            w,
            commands,
            cmd,
            pixel_group_end,
            tap_groups[head, operand_fetch.S_BLOCK_END],
            sizes.line_words,
        )
    work[WORK_DONE] += 1
    if tap_group_end:
        work[WORK_DONE] = 0
        f[operand_fetch.POPPED] += 1
    if pixel_group_end:
        drain.send(cycle, d, tap_groups, head)
    busy[cmd] += 1
    if commands[cmd, col.NETWORK] == 0:
        return BUSY_OTHER
    counters[OCCUPIED] += tap_groups[head, operand_fetch.S_OCCUPIED]
    return BUSY_NETWORK


@compiled
def idle_cause(f, commands, now):
    """Reason why the array has no tap group."""
    state = f[operand_fetch.STATE]
    if (
        f[operand_fetch.PUSHED] != f[operand_fetch.POPPED]
        or state == operand_fetch.INIT
        or state == operand_fetch.RUN
    ):
        return STALL_OPERAND
    if state == operand_fetch.IDLE:
        return WAIT_EXECUTE if now[EXECUTE_PUSHED] > f[operand_fetch.TAKEN] else WAIT_COMMAND
    cmd = f[operand_fetch.TAKEN] - 1
    if now[LOAD_DONE] < commands[cmd, col.WAIT_LOAD]:
        return WAIT_LOAD
    return WAIT_STORE if now[STORE_DONE] < commands[cmd, col.WAIT_STORE] else WAIT_EXECUTE


@compiled
def _begin(cycle, f, tap_groups, lanes, found, commands, start, now, nxt, sizes):
    """Fill's clock edge outside a command: take the next one, or begin it."""
    if f[operand_fetch.STATE] == operand_fetch.IDLE:
        if (
            now[EXECUTE_PUSHED] > f[operand_fetch.TAKEN]
            and f[operand_fetch.TAKEN] - now[EXECUTE_DONE] < 2
        ):
            nxt[EXECUTE_POPPED] = now[EXECUTE_POPPED] + 1
            f[operand_fetch.TAKEN] += 1
            f[operand_fetch.STATE] = operand_fetch.INIT
            f[operand_fetch.INIT_ENDS] = cycle + sizes.rows + FILL_SETUP
    elif f[operand_fetch.STATE] == operand_fetch.INIT:
        if cycle == f[operand_fetch.INIT_ENDS]:
            f[operand_fetch.STATE] = operand_fetch.WAIT
    else:
        cmd = f[operand_fetch.TAKEN] - 1
        if (
            now[LOAD_DONE] >= commands[cmd, col.WAIT_LOAD]
            and now[STORE_DONE] >= commands[cmd, col.WAIT_STORE]
            and now[EXECUTE_DONE] >= commands[cmd, col.WAIT_EXECUTE]
        ):
            f[operand_fetch.STATE] = operand_fetch.RUN
            f[operand_fetch.BEGUN] += 1
            start[cmd] = cycle
            operand_fetch.begin(f, commands, cmd, lanes, sizes.rows)
            operand_fetch.load_tap_group(f, tap_groups, commands, cmd, lanes, found, sizes)


@compiled
def _run(cycle, f, tap_groups, lanes, found, commands, sizes):
    """Fill's clock edge within a command, when the ring has room and the step has all its lines:
    push it, and load the next one."""
    operand_fetch.push(cycle, f, tap_groups)
    if f[operand_fetch.EXHAUSTED] != 0:
        f[operand_fetch.STATE] = operand_fetch.IDLE
    else:
        operand_fetch.load_tap_group(
            f, tap_groups, commands, f[operand_fetch.TAKEN] - 1, lanes, found, sizes
        )
