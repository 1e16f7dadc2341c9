"""The execute unit, one cycle at a time: fill, weights, array and drain (docs/architecture.md, 3.6 to 3.9)."""

from collections import namedtuple

import numpy as np
from numba import njit

from hw.spec.config import AccelConfig
from hw.spec.regs import Counter
from sim.timing import columns as col
from sim.timing import drain, fill, weights

Execute = namedtuple("Execute", "fill steps lanes found weights drain work commands busy start done")
"""State of the unit (int64 arrays), its commands, and for each command its busy cycles, first and last cycle."""

WORK_DONE = 0
"""Element of ``work``: multiply-accumulates of the oldest step already issued."""

BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)
STALL_OPERAND, STALL_WEIGHT, STALL_DRAIN = (
    int(Counter.STALL_OPERAND), int(Counter.STALL_WEIGHT), int(Counter.STALL_DRAIN))
WAIT_LOAD, WAIT_STORE, WAIT_EXECUTE, WAIT_COMMAND = (
    int(Counter.WAIT_LOAD), int(Counter.WAIT_STORE), int(Counter.WAIT_EXECUTE), int(Counter.WAIT_COMMAND))
OCCUPIED, FILLED, WEIGHTED, DRAINED = (
    int(Counter.OCCUPIED), int(Counter.POOL_LINES_FILLED), int(Counter.POOL_LINES_WEIGHT), int(Counter.BEATS_DRAINED))
RING = fill.STEP_RING


def state(config: AccelConfig, commands: np.ndarray) -> Execute:
    """A reset execute unit with all the EXECUTE commands of a program, int64 [n, fields]."""
    registers, steps = fill.state()
    count = max(1, len(commands))
    return Execute(
        registers, steps, fill.lane_state(config.rows), np.zeros(2 * config.rows, np.int64), weights.state(),
        drain.state(), np.zeros(1, np.int64), np.ascontiguousarray(commands, np.int64),
        np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64))


@njit(cache=True)
def step(e, counters, cycle, phase, storing, queued, load_done, store_done, execute_done, rows, cols, words, table_words):
    """Advance one cycle. ``queued``: commands ever queued; ``storing``: STORE has the read port.

    Returns (a command is taken from the queue, a command is complete).
    """
    f, w, d, commands = e.fill, e.weights, e.drain, e.commands
    # what is requested and granted, from the registers
    held = d[drain.COMMAND]
    beat = drain.issues(d, commands, held, phase)
    urgent = beat and commands[held, col.RESIDUAL]
    wants_parameters = drain.wants(d)
    free = not storing and not urgent
    grant_parameters = free and wants_parameters
    free = free and not wants_parameters
    grant_weights = free and weights.wants(w)
    room = f[fill.PUSHED] - f[fill.POPPED] < RING
    grant_fill = free and not grant_weights and f[fill.VALID] and room and f[fill.LINES] > 0
    takes_tile = drain.takes_tile(d, commands, held, words)
    # the array
    cause, tile_issued = _array(e, f, w, d, counters, queued, load_done, store_done, takes_tile)
    counters[cause] += 1
    counters[FILLED] += grant_fill
    counters[WEIGHTED] += grant_weights
    counters[DRAINED] += beat
    # the clock edge
    started = f[fill.TAKEN] if f[fill.STATE] == fill.RUN or f[fill.STATE] == fill.IDLE else f[fill.TAKEN] - 1
    weights.fetch(w, commands, rows, started, grant_weights)
    taken = _fill(e, f, cycle, queued, load_done, store_done, execute_done, room, grant_fill, rows, cols)
    finished = drain.step(d, commands, held, beat, grant_parameters, tile_issued, words, table_words)
    if finished:
        e.done[execute_done] = cycle
    return taken, finished


@njit(cache=True)
def _array(e, f, w, d, counters, queued, load_done, store_done, takes_tile):
    """The array's part of a cycle: the counter that counts, and whether a tile's last multiply-accumulate issues."""
    if f[fill.ARRIVED] == f[fill.POPPED]:
        return _idle_cause(e, f, queued, load_done, store_done), False
    commands, steps = e.commands, e.steps
    head = f[fill.POPPED] % RING
    cmd = steps[head, fill.S_COMMAND]
    ones = commands[cmd, col.ONES]
    if not ones and w[weights.ARRIVED] == w[weights.HEAD]:
        return STALL_WEIGHT, False
    step_end = e.work[WORK_DONE] == steps[head, fill.S_WORK] - 1
    tile_end = step_end and steps[head, fill.S_LAST] == 1
    if tile_end and not takes_tile:
        return STALL_DRAIN, False
    if not ones:
        weights.use(w, commands, cmd, tile_end, steps[head, fill.S_BLOCK_END])
    e.work[WORK_DONE] += 1
    if step_end:
        e.work[WORK_DONE] = 0
        f[fill.POPPED] += 1
    if tile_end:
        d[drain.T_COMMAND], d[drain.T_PIXELS], d[drain.T_PLANES] = (
            steps[head, fill.S_COMMAND], steps[head, fill.S_PIXELS], steps[head, fill.S_PLANES])
        d[drain.T_BLOCK_START], d[drain.T_COMMAND_START], d[drain.T_COMMAND_END] = (
            steps[head, fill.S_BLOCK_START], steps[head, fill.S_COMMAND_START], steps[head, fill.S_COMMAND_END])
    e.busy[steps[head, fill.S_COMMAND]] += 1
    if commands[cmd, col.NETWORK]:
        counters[OCCUPIED] += steps[head, fill.S_OCCUPIED]
        return BUSY_NETWORK, tile_end
    return BUSY_OTHER, tile_end


@njit(cache=True)
def _idle_cause(e, f, queued, load_done, store_done):
    state = f[fill.STATE]
    if f[fill.PUSHED] != f[fill.POPPED] or state == fill.INIT or state == fill.RUN:
        return STALL_OPERAND
    if state == fill.IDLE:
        return WAIT_EXECUTE if queued > f[fill.TAKEN] else WAIT_COMMAND
    commands, cmd = e.commands, f[fill.TAKEN] - 1
    if load_done < commands[cmd, col.WAIT_LOAD]:
        return WAIT_LOAD
    return WAIT_STORE if store_done < commands[cmd, col.WAIT_STORE] else WAIT_EXECUTE


@njit(cache=True)
def _push(steps, entry):
    for i in range(fill.STEP_SIZE):
        steps[entry, i] = steps[fill.CURRENT, i]


@njit(cache=True)
def _fill(e, f, cycle, queued, load_done, store_done, execute_done, room, granted, rows, cols):
    """Fill's clock edge. Returns whether a command is taken from the queue."""
    taken = False
    pushes = False
    state = f[fill.STATE]
    if state == fill.IDLE:
        if queued > f[fill.TAKEN] and f[fill.TAKEN] - execute_done < 2:
            taken = True
            f[fill.TAKEN] += 1
            f[fill.STATE] = fill.INIT
            f[fill.LANE] = 0
    elif state == fill.INIT:
        f[fill.LANE] += 1
        if f[fill.LANE] == rows:
            f[fill.STATE] = fill.WAIT
    elif state == fill.WAIT:
        commands, cmd = e.commands, f[fill.TAKEN] - 1
        if (load_done >= commands[cmd, col.WAIT_LOAD] and store_done >= commands[cmd, col.WAIT_STORE]
                and execute_done >= commands[cmd, col.WAIT_EXECUTE]):
            f[fill.STATE] = fill.RUN
            e.start[f[fill.TAKEN] - 1] = cycle
            fill.begin(f, commands, cmd, e.lanes, rows)
    else:
        f[fill.LINES] -= granted
        pushes = f[fill.VALID] == 1 and room and f[fill.LINES] == 0
        if pushes:
            _push(e.steps, f[fill.PUSHED] % RING)
            f[fill.PUSHED] += 1
            f[fill.VALID] = 0
            if f[fill.EXHAUSTED]:
                f[fill.STATE] = fill.IDLE
        if not f[fill.VALID] and not f[fill.EXHAUSTED]:
            fill.load_step(f, e.steps, e.commands, f[fill.TAKEN] - 1, e.lanes, rows, cols, e.found)
    f[fill.ARRIVED] += f[fill.LANDING_2]
    f[fill.LANDING_2] = f[fill.LANDING_1]
    f[fill.LANDING_1] = pushes
    return taken
