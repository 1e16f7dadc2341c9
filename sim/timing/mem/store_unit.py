"""The STORE unit, one cycle at a time (docs/architecture.md, 3.4): addresses and answers."""

from typing import NamedTuple

import numpy as np

from hw.spec.regs import Fault
from hw.spec.timing import MAX_OUTSTANDING
from sim.timing.ctrl import command_queue
from sim.timing.mem import store_data
from sim.timing.records import record_type
from sim.timing.state import (
    ADDRESS_MASK,
    AW_TAKEN,
    B_BEAT,
    B_ERROR,
    STORE,
    W_WORD,
    burst_beats,
    compiled,
    may_write,
    raise_fault,
    waits_met,
)

IDLE, WAIT, RUN = range(3)
STATE = record_type(
    *("state", "command", "addr", "beats", "inside", "known", "base", "left", "rows_left"),
    *("unanswered", "presented"),
)
"""``command`` is an index; ``unanswered`` counts bursts; ``presented``: awvalid was high;
``known``: the burst was there a cycle before."""
OUTSTANDING = MAX_OUTSTANDING
ADDRESS_RANGE = int(Fault.ADDRESS_RANGE)
WRITE_ERROR = int(Fault.WRITE_ERROR)


class Store(NamedTuple):
    """State of the parts of the STORE unit, one record each."""

    unit: np.ndarray
    data: np.ndarray


def state() -> Store:
    """STORE after reset."""
    return Store(np.zeros(1, STATE), store_data.state())


@compiled
def is_idle(store, now):
    """Whether no command is waiting or being run, in the queue or here."""
    return store.unit[0].state == IDLE and not command_queue.has_command(now, STORE)


@compiled
def is_empty(store):
    """Whether no burst is presented or under way."""
    unit = store.unit[0]
    return unit.unanswered == 0 and unit.presented == 0


@compiled
def _wants_address(store, now):
    unit = store.unit[0]
    return (
        unit.rows_left != 0
        and unit.known != 0
        and store_data.has_room(store.data[0])
        and unit.unanswered < OUTSTANDING
        and now.stop == 0
    )


@compiled
def address_valid(store, now):
    """Whether awvalid is high in this cycle."""
    unit = store.unit[0]
    return unit.presented != 0 or (unit.inside != 0 and _wants_address(store, now))


@compiled
def word_valid(store):
    """Whether wvalid is high in this cycle."""
    return store_data.word_valid(store.data[0])


@compiled
def asleep(store, now, program):
    """Whether nothing changes without an answer, or a word or an address taken, or a command
    complete."""
    unit = store.unit[0]
    if unit.state == IDLE:
        return is_idle(store, now)
    if unit.state == WAIT:
        return not _begins(unit, now, program)
    if not store_data.asleep(store.data[0]) or _is_finished(unit):
        return False
    return unit.known != 0 and (unit.inside != 0 or not _wants_address(store, now))


@compiled
def _begins(unit, now, program):
    """Whether the command that waits has nothing more to wait for."""
    command = program.stores[unit.command]
    return waits_met(now, command.wait_load, command.wait_execute, command.wait_store)


@compiled
def _is_finished(unit):
    """Whether every burst of the command is answered."""
    return unit.rows_left == 0 and unit.unanswered == 0


@compiled
def tick(cycle, store, setup, program, now, nxt, events):
    """Advance by one cycle; returns ``events`` and whether the scratchpad is read."""
    unit, data = store.unit[0], store.data[0]
    if unit.state != RUN:
        if now.stop == 0:
            _wait(cycle, store, setup, program, now, nxt)
        else:
            data.dropping = 1
        return events
    command = program.stores[unit.command]
    finished = _is_finished(unit)
    _raise_faults(store, now, nxt, events)
    stalled = store_data.word_valid(data) and events & W_WORD == 0
    presents = address_valid(store, now)
    events |= store_data.read_line(data, setup, now, nxt, command, unit.command)
    if events & W_WORD:
        store_data.send_word(data)
    if events & B_BEAT:
        unit.unanswered -= 1
    unit.known = 1
    if events & AW_TAKEN:
        store_data.announce(data, unit.beats, (unit.addr & (setup.bus - 1)) >> setup.cols_log2)
        _next_address(unit, setup, command)
    unit.presented = presents and events & AW_TAKEN == 0
    if now.stop != 0 and not stalled:
        data.dropping = 1
    if finished:
        nxt.complete[STORE] = now.complete[STORE] + 1
        program.completed[unit.command] = cycle
        unit.state = IDLE
    return events


@compiled
def _raise_faults(store, now, nxt, events):
    unit = store.unit[0]
    if now.stop == 0:
        if unit.inside == 0 and unit.presented == 0 and _wants_address(store, now):
            raise_fault(nxt, ADDRESS_RANGE, unit.command)
        if events & B_ERROR:
            raise_fault(nxt, WRITE_ERROR, unit.command)


@compiled
def _wait(cycle, store, setup, program, now, nxt):
    """Take a command, or begin it once what it waits for is complete."""
    unit = store.unit[0]
    if unit.state == IDLE:
        if command_queue.has_command(now, STORE):
            unit.command = program.store_order[now.popped[STORE]]
            nxt.popped[STORE] = now.popped[STORE] + 1
            unit.state = WAIT
        return
    if _begins(unit, now, program):
        command = program.stores[unit.command]
        program.started[unit.command] = cycle
        unit.state = RUN
        unit.rows_left = command.row_count
        unit.base = command.dram_addr
        _begin_row(unit, setup, command)
        store_data.begin(store.data[0], command)


@compiled
def _begin_row(unit, setup, command):
    """Aim at the row at ``base`` in memory, and move ``base`` to the next."""
    unit.addr = unit.base
    unit.left = command.row_length
    unit.base = (unit.base + command.dram_stride) & ADDRESS_MASK
    _present(unit, setup)


@compiled
def _present(unit, setup):
    unit.beats = burst_beats(setup, unit.addr, unit.left, setup.burst_words)
    unit.inside = may_write(setup, unit.addr, unit.beats)
    unit.known = 0


@compiled
def _next_address(unit, setup, command):
    """Count the burst whose address was taken, and go on to the next."""
    unit.unanswered += 1
    if unit.left != unit.beats:
        unit.left -= unit.beats
        unit.addr = (unit.addr + (unit.beats << setup.cols_log2)) & ADDRESS_MASK
        _present(unit, setup)
        return
    unit.rows_left -= 1
    if unit.rows_left != 0:
        _begin_row(unit, setup, command)
