"""Operand fetch, one cycle at a time (docs/architecture.md, 3.6). Lines are counted, not
fetched."""

import numpy as np

from hw.spec.timing import OPERAND_SETUP
from sim.timing.core import (
    input_addresses,
    line_coalescer,
    loop_nest,
    operand_store,
)
from sim.timing.ctrl import command_queue
from sim.timing.records import record_type
from sim.timing.state import EXECUTE, compiled, waits_met

IDLE, INIT, WAIT, RUN = range(4)
STATE = record_type("state", "init_ends", "taken", "begun", "holds", "ready_at", "lines", "counted")
"""``taken`` and ``begun`` count commands. ``holds``: a tap group's lines are requested, of which
``lines`` of ``counted`` are still to be granted. The addresses of the next one are there from cycle
``ready_at`` on."""


def state() -> np.ndarray:
    """Operand fetch after reset."""
    return np.zeros(1, STATE)


@compiled
def takes(fetch, now):
    """Whether an idle operand fetch takes a command: one is there, and a bank for its fields."""
    return command_queue.has_command(now, EXECUTE) and fetch.taken - now.complete[EXECUTE] < 2


@compiled
def begins(unit, now):
    """Whether the command that waits has nothing more to wait for."""
    command = unit.commands[unit.fetch[0].taken - 1]
    return waits_met(now, command.wait_load, command.wait_execute, command.wait_store)


@compiled
def tick(cycle, unit, now, nxt, room, granted, sizes):
    """Advance one cycle. ``room``: the ring has room; ``granted``: a line requested is granted."""
    fetch, store = unit.fetch[0], unit.store[0]
    if fetch.state == RUN:
        if granted:
            fetch.lines -= 1
        if fetch.holds != 0 and room and fetch.lines == 0:
            operand_store.push(cycle, store, unit.tap_groups)
            fetch.holds = 0
            if unit.loops[0].exhausted != 0:
                fetch.state = IDLE
                return
        if fetch.holds == 0 and cycle >= fetch.ready_at:
            fetch.ready_at = cycle + sizes.address_cycles
            _go_on(unit, sizes)
    elif fetch.state == IDLE:
        if takes(fetch, now):
            nxt.popped[EXECUTE] = now.popped[EXECUTE] + 1
            fetch.taken += 1
            fetch.state = INIT
            fetch.init_ends = cycle + sizes.rows + sizes.address_cycles + OPERAND_SETUP - 1
    elif fetch.state == INIT:
        if cycle == fetch.init_ends:
            fetch.state = WAIT
    elif begins(unit, now):
        command = unit.commands[fetch.taken - 1]
        fetch.state = RUN
        fetch.begun += 1
        unit.start[fetch.taken - 1] = cycle
        loop_nest.begin(unit.loops[0], command)
        input_addresses.begin(unit.lanes, command, sizes.rows >> command.array_shape)
        fetch.ready_at = fetch.init_ends + sizes.address_cycles
        _go_on(unit, sizes)


@compiled
def _go_on(unit, sizes):
    """Begin to fetch the tap group at the loops' place, and move the loops on."""
    fetch, loops, lanes = unit.fetch[0], unit.loops[0], unit.lanes
    index = fetch.taken - 1
    command = unit.commands[index]
    pixel_group = sizes.rows >> command.array_shape
    loop_nest.find_ends(loops, command, pixel_group)
    tap_group = operand_store.fetched(unit.store[0], unit.tap_groups)
    loop_nest.describe(loops, command, index, tap_group, sizes)
    if not loop_nest.is_like_last(loops, command, sizes.line_words):
        span = command.last_span if loops.last_tap_group != 0 else command.group_span
        fetch.counted = line_coalescer.count_lines(loops, command, lanes, span, sizes)
    fetch.lines = fetch.counted
    fetch.holds = 1
    loop_nest.advance(loops, command, lanes, pixel_group)
