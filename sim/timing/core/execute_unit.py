"""The execute unit, one cycle at a time: operand fetch, weight store, array and drain
(docs/architecture.md, 3.6 to 3.9).

Pipeline delays are stored as absolute due cycles instead of shift registers, so that idle units
need no update.
"""

from typing import NamedTuple

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from hw.spec.regs import CYCLE_COUNTERS, Counter
from sim.timing.commands import records
from sim.timing.core import drain as drain_unit
from sim.timing.core import (
    input_addresses,
    loop_nest,
    mac_sequencer,
    operand_fetch,
    operand_store,
    weight_store,
)
from sim.timing.state import EXECUTE, compiled

OUTPUT_BEATS = int(Counter.OUTPUT_BEATS)
OPERAND_LINES_READ = int(Counter.OPERAND_LINES_READ)
WEIGHT_LINES_READ = int(Counter.WEIGHT_LINES_READ)


class Execute(NamedTuple):
    """State of the unit and its commands; a part's own state is one record."""

    fetch: np.ndarray
    loops: np.ndarray
    lanes: input_addresses.Lanes
    store: np.ndarray
    tap_groups: np.ndarray
    weights: np.ndarray
    sequencer: np.ndarray
    drain: np.ndarray
    commands: np.ndarray
    """All EXECUTE commands of the program."""
    busy: np.ndarray
    """Cycles of the array, for each command; int64."""
    marks: np.ndarray
    """The counters of cycles up to the last one in which the array works for a command; int64
    [n, cycle counters]."""
    start: np.ndarray
    """First cycle, for each command; int64."""
    done: np.ndarray
    """Last cycle, for each command; int64."""


def state(config: AccelConfig, fields: np.ndarray) -> Execute:
    """A reset execute unit with all the EXECUTE commands of a program, int64 [n, fields]."""
    count = max(1, len(fields))
    return Execute(
        operand_fetch.state(),
        loop_nest.state(),
        input_addresses.state(config.rows),
        *operand_store.state(),
        weight_store.state(),
        mac_sequencer.state(),
        drain_unit.state(),
        records(fields, Opcode.EXECUTE),
        np.zeros(count, np.int64),
        np.zeros((count, len(CYCLE_COUNTERS)), np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
    )


@compiled
def tick(cycle, unit, now, nxt, counters, storing, sizes):
    """Advance one cycle. ``storing``: STORE has the read port.

    Returns the counter that counts the array's cycle.
    """
    fetch, weights, drain = unit.fetch[0], unit.weights[0], unit.drain[0]
    # what is requested and granted, from the registers
    held = unit.commands[drain.command]
    beat = drain_unit.issues(cycle, drain, held, now.phase, sizes)
    free = not storing and not (beat and held.residual != 0)
    grant_parameters = free and drain_unit.wants(cycle, drain)
    free = free and not drain_unit.wants(cycle, drain)
    grant_weights = free and weight_store.wants(cycle, weights)
    room = operand_store.has_room(unit.store[0])
    grant_operands = free and not grant_weights and room and fetch.lines > 0
    # the array
    cause = mac_sequencer.tick(cycle, unit, now, counters, sizes)
    counters[cause] += 1
    # the clock edge
    if grant_weights:
        counters[WEIGHT_LINES_READ] += 1
        weight_store.grant(cycle, weights, unit.commands, sizes.rows)
    elif weight_store.takes(weights, fetch.begun):
        weight_store.take(weights, unit.commands)
    if grant_operands:
        counters[OPERAND_LINES_READ] += 1
    operand_fetch.tick(cycle, unit, now, nxt, room, grant_operands, sizes)
    if beat:
        counters[OUTPUT_BEATS] += 1
    if drain_unit.tick(cycle, drain, unit.commands, beat, grant_parameters, sizes):
        unit.done[now.complete[EXECUTE]] = cycle
        nxt.complete[EXECUTE] = now.complete[EXECUTE] + 1
    return cause
