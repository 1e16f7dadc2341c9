"""The execute unit, one cycle at a time: fill, weights, array and drain (docs/architecture.md,
3.6 to 3.9).

What happens a fixed time after something else is kept as the cycle in which it happens, so that a
unit that waits has nothing to do.
"""

from typing import NamedTuple

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.regs import Counter
from hw.spec.timing import FILL_SETUP
from sim.timing import columns as col
from sim.timing import drain, fill, weights
from sim.timing.shared import (
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
OCCUPIED, DRAINED = int(Counter.OCCUPIED), int(Counter.BEATS_DRAINED)
FILLED, WEIGHTED = int(Counter.OPERAND_LINES_READ), int(Counter.WEIGHT_LINES_READ)
RING = fill.STEP_RING


class Execute(NamedTuple):
    """State of the unit and its commands; every member an int64 array."""

    fill: np.ndarray
    steps: np.ndarray
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
    registers, steps = fill.state()
    count = max(1, len(commands))
    return Execute(
        registers,
        steps,
        fill.lane_state(config.rows),
        np.zeros(2 * config.rows, np.int64),
        weights.state(),
        drain.state(),
        np.zeros(1, np.int64),
        np.ascontiguousarray(commands, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
    )


@compiled
def step(cycle, e, now, nxt, counters, storing, sizes):
    """Advance one cycle. ``storing``: STORE has the read port.

    Returns the counter that counts the array's cycle.
    """
    f, steps, lanes, found, w, d, work, commands, busy, start, done = e
    # what is requested and granted, from the registers
    held = d[drain.COMMAND]
    beat = drain.issues(cycle, d, commands, held, now[PHASE], sizes)
    takes_tile = drain.takes_tile(cycle, d, commands, held, sizes.requant_words)
    free = not storing and not (beat and commands[held, col.RESIDUAL] != 0)
    grant_parameters = free and drain.wants(cycle, d)
    free = free and not drain.wants(cycle, d)
    grant_weights = free and weights.wants(w)
    room = f[fill.PUSHED] - f[fill.POPPED] < RING
    grant_fill = free and not grant_weights and room and f[fill.LINES] > 0
    # the array
    cause = _array(cycle, f, steps, w, d, work, commands, busy, counters, now, takes_tile, sizes)
    counters[cause] += 1
    # the clock edge
    if grant_weights:
        counters[WEIGHTED] += 1
        weights.grant(cycle, w, commands, sizes.rows)
    elif w[weights.ACTIVE] == 0 and w[weights.TAKEN] < f[fill.BEGUN]:
        weights.take(w, commands)
    if f[fill.STATE] == fill.RUN:
        if grant_fill:
            counters[FILLED] += 1
            f[fill.LINES] -= 1
        if room and f[fill.LINES] == 0:
            _run(cycle, f, steps, lanes, found, commands, sizes)
    else:
        _begin(cycle, f, steps, lanes, found, commands, start, now, nxt, sizes)
    if beat:
        counters[DRAINED] += 1
    if drain.step(cycle, d, commands, held, beat, grant_parameters, sizes):
        done[now[EXECUTE_DONE]] = cycle
        nxt[EXECUTE_DONE] = now[EXECUTE_DONE] + 1
    return cause


@compiled
def _array(cycle, f, steps, w, d, work, commands, busy, counters, now, takes_tile, sizes):
    """The array's part of a cycle; returns the counter that counts it."""
    head = f[fill.POPPED] & (RING - 1)
    if f[fill.PUSHED] == f[fill.POPPED] or cycle < steps[head, fill.S_VISIBLE]:
        return idle_cause(f, commands, now)
    cmd = steps[head, fill.S_COMMAND]
    ones = commands[cmd, col.ONES] != 0
    if not ones and not weights.ready(cycle, w):
        return STALL_WEIGHT
    step_end = work[WORK_DONE] == steps[head, fill.S_WORK] - 1
    tile_end = step_end and steps[head, fill.S_LAST] != 0
    if tile_end and not takes_tile:
        return STALL_DRAIN
    if not ones:
        weights.use(1, w, commands, cmd, tile_end, steps[head, fill.S_BLOCK_END], sizes.line_words)
    work[WORK_DONE] += 1
    if step_end:
        work[WORK_DONE] = 0
        f[fill.POPPED] += 1
    if tile_end:
        drain.send(cycle, d, steps, head)
    busy[cmd] += 1
    if commands[cmd, col.NETWORK] == 0:
        return BUSY_OTHER
    counters[OCCUPIED] += steps[head, fill.S_OCCUPIED]
    return BUSY_NETWORK


@compiled
def idle_cause(f, commands, now):
    """Why the array has no step."""
    state = f[fill.STATE]
    if f[fill.PUSHED] != f[fill.POPPED] or state == fill.INIT or state == fill.RUN:
        return STALL_OPERAND
    if state == fill.IDLE:
        return WAIT_EXECUTE if now[EXECUTE_PUSHED] > f[fill.TAKEN] else WAIT_COMMAND
    cmd = f[fill.TAKEN] - 1
    if now[LOAD_DONE] < commands[cmd, col.WAIT_LOAD]:
        return WAIT_LOAD
    return WAIT_STORE if now[STORE_DONE] < commands[cmd, col.WAIT_STORE] else WAIT_EXECUTE


@compiled
def _begin(cycle, f, steps, lanes, found, commands, start, now, nxt, sizes):
    """Fill's clock edge outside a command: take the next one, or begin it."""
    if f[fill.STATE] == fill.IDLE:
        if now[EXECUTE_PUSHED] > f[fill.TAKEN] and f[fill.TAKEN] - now[EXECUTE_DONE] < 2:
            nxt[EXECUTE_POPPED] = now[EXECUTE_POPPED] + 1
            f[fill.TAKEN] += 1
            f[fill.STATE] = fill.INIT
            f[fill.INIT_ENDS] = cycle + sizes.rows + FILL_SETUP
    elif f[fill.STATE] == fill.INIT:
        if cycle == f[fill.INIT_ENDS]:
            f[fill.STATE] = fill.WAIT
    else:
        cmd = f[fill.TAKEN] - 1
        if (
            now[LOAD_DONE] >= commands[cmd, col.WAIT_LOAD]
            and now[STORE_DONE] >= commands[cmd, col.WAIT_STORE]
            and now[EXECUTE_DONE] >= commands[cmd, col.WAIT_EXECUTE]
        ):
            f[fill.STATE] = fill.RUN
            f[fill.BEGUN] += 1
            start[cmd] = cycle
            fill.begin(f, commands, cmd, lanes, sizes.rows)
            fill.load_step(f, steps, commands, cmd, lanes, found, sizes)


@compiled
def _run(cycle, f, steps, lanes, found, commands, sizes):
    """Fill's clock edge within a command, when the ring has room and the step has all its lines:
    push it, and load the next one."""
    fill.push(cycle, f, steps)
    if f[fill.EXHAUSTED] != 0:
        f[fill.STATE] = fill.IDLE
    else:
        fill.load_step(f, steps, commands, f[fill.TAKEN] - 1, lanes, found, sizes)
