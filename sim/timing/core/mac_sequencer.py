"""MAC sequencer, one cycle at a time (docs/architecture.md, 3.8): a multiply-accumulate of each
lane and column a cycle, and what the array waits for where there is none."""

import numpy as np

from hw.spec.regs import CYCLE_COUNTERS, Counter
from sim.timing.core import drain as drain_unit
from sim.timing.core import (
    operand_fetch,
    operand_store,
    weight_store,
)
from sim.timing.ctrl import command_queue
from sim.timing.records import record_type
from sim.timing.state import EXECUTE, LOAD, STORE, compiled

STATE = record_type("done")
"""Multiply-accumulates of the oldest tap group already issued."""
BUSY_NETWORK, BUSY_OTHER = int(Counter.BUSY_NETWORK), int(Counter.BUSY_OTHER)
STALL_OPERAND = int(Counter.STALL_OPERAND)
STALL_WEIGHT = int(Counter.STALL_WEIGHT)
STALL_DRAIN = int(Counter.STALL_DRAIN)
WAIT_LOAD, WAIT_STORE = int(Counter.WAIT_LOAD), int(Counter.WAIT_STORE)
WAIT_EXECUTE, WAIT_COMMAND = int(Counter.WAIT_EXECUTE), int(Counter.WAIT_COMMAND)
OCCUPIED = int(Counter.OCCUPIED)
CAUSES = len(CYCLE_COUNTERS)


def state() -> np.ndarray:
    """The sequencer after reset."""
    return np.zeros(1, STATE)


@compiled
def tick(cycle, unit, now, counters, sizes):
    """Advance one cycle; returns the counter that counts it. Must step before the drain."""
    store, weights, sequencer = unit.store[0], unit.weights[0], unit.sequencer[0]
    tap_group = operand_store.oldest(store, unit.tap_groups)
    if operand_store.is_empty(store) or cycle < tap_group.visible:
        return idle_cause(unit, now)
    command = unit.commands[tap_group.command]
    ones = command.ones != 0
    if not ones and not weight_store.ready(cycle, weights):
        return STALL_WEIGHT
    tap_group_end = sequencer.done == tap_group.work - 1
    pixel_group_end = tap_group_end and tap_group.last != 0
    if pixel_group_end and not _drain_takes(cycle, unit, now, sizes):
        return STALL_DRAIN
    if not ones:
        block_end, words = tap_group.block_end, sizes.line_words
        weight_store.use(cycle, 1, weights, command, pixel_group_end, block_end, words)
    sequencer.done += 1
    if tap_group_end:
        sequencer.done = 0
        store.popped += 1
    cause = BUSY_OTHER if command.network == 0 else BUSY_NETWORK
    if pixel_group_end:
        drain_unit.send(cycle, unit.drain[0], tap_group)
        _mark(unit, tap_group.command, counters, cause)
    unit.busy[tap_group.command] += 1
    if command.network != 0:
        counters[OCCUPIED] += tap_group.occupied
    return cause


@compiled
def calm_cycles(tap_group, sequencer):
    """Multiply-accumulates that are left of the oldest tap group, without the last one of a pixel
    group."""
    return tap_group.work - sequencer.done - (tap_group.last != 0)


@compiled
def _drain_takes(cycle, unit, now, sizes):
    """Whether the drain can take a pixel group that ends in this cycle."""
    drain = unit.drain[0]
    held = unit.commands[drain.command]
    return drain_unit.takes_pixel_group(cycle, drain, held, now.phase, sizes)


@compiled
def _mark(unit, command, counters, cause):
    """Note the counters of cycles for a command that works in this one, which ``cause`` counts."""
    for counter in range(CAUSES):
        unit.marks[command, counter] = counters[counter]
    unit.marks[command, cause] += 1


@compiled
def idle_cause(unit, now):
    """Reason why the array has no tap group."""
    fetch = unit.fetch[0]
    if (
        not operand_store.is_empty(unit.store[0])
        or fetch.state == operand_fetch.INIT
        or fetch.state == operand_fetch.RUN
    ):
        return STALL_OPERAND
    if fetch.state == operand_fetch.IDLE:
        return WAIT_EXECUTE if command_queue.has_command(now, EXECUTE) else WAIT_COMMAND
    command = unit.commands[fetch.taken - 1]
    if now.complete[LOAD] < command.wait_load:
        return WAIT_LOAD
    return WAIT_STORE if now.complete[STORE] < command.wait_store else WAIT_EXECUTE
