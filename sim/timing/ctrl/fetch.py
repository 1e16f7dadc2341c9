"""Command fetch, one cycle at a time (docs/architecture.md, 3.2)."""

import numpy as np

from hw.spec.isa import Opcode
from hw.spec.regs import Counter, Fault
from hw.spec.timing import FETCH_BYTES
from sim.timing.ctrl import command_queue
from sim.timing.records import record_type
from sim.timing.state import (
    EXECUTE,
    FETCH_TAKEN,
    LOAD,
    R_LOAD,
    R_WORD,
    STORE,
    burst_beats,
    compiled,
    may_read,
    raise_fault,
    read_fails,
)

STATE = record_type(
    # the request, whether there is room for it, whether it lies outside the address ranges, and
    # whether all this was there a cycle before
    *("addr", "beats", "wanted", "outside", "known"),
    # beats requested, requested for the buffer, on the way into it, in it, gone from it
    *("asked", "claimed", "arrived", "held", "gone"),
    # the command register: beats in it, whether it is full, and was a cycle before; its index
    *("slot", "full", "checked", "index"),
)
CAPACITY = 2 * FETCH_BYTES
OPCODE_END, OPCODE_STORE, OPCODE_EXECUTE = (
    int(opcode) for opcode in (Opcode.END, Opcode.STORE, Opcode.EXECUTE)
)
COMMANDS = int(Counter.COMMANDS)
MISALIGNED = int(Fault.MISALIGNED)
FETCH_ERROR = int(Fault.FETCH_ERROR)
ILLEGAL_OPCODE = int(Fault.ILLEGAL_OPCODE)
NO_END = int(Fault.NO_END)
ADDRESS_RANGE = int(Fault.ADDRESS_RANGE)


def state() -> np.ndarray:
    """Command fetch after reset, before its first request is presented."""
    return np.zeros(1, STATE)


@compiled
def request_valid(fetch, now):
    """Whether it makes a request in this cycle (the read channel heeds ``stop``)."""
    return fetch.known != 0 and fetch.wanted != 0 and fetch.outside == 0 and now.end_pending == 0


@compiled
def present(fetch, setup):
    """Work out the request."""
    addr = setup.program_addr + (fetch.asked << setup.cols_log2)
    beats = burst_beats(setup, addr, setup.program_beats - fetch.asked, setup.fetch_burst)
    fetch.addr = addr
    fetch.beats = beats
    fetch.wanted = (
        beats != 0
        and fetch.claimed + setup.fetch_burst <= CAPACITY >> setup.cols_log2
        and setup.misaligned == 0
    )
    fetch.outside = not may_read(setup, addr, beats)


@compiled
def asleep(fetch, setup, now, program):
    """Whether nothing changes without a beat, or a request taken, or room in a queue."""
    if now.end_pending != 0:
        return True
    if fetch.full == 0:
        moves = fetch.held != 0 or fetch.gone == setup.program_beats
    else:
        opcode = program.opcodes[fetch.index]
        moves = (
            fetch.checked == 0
            or program.faults[fetch.index] != 0
            or opcode == OPCODE_END
            or command_queue.has_room(now, _unit(opcode), setup.queue_depth)
        )
    settled = fetch.known != 0 and fetch.arrived == 0
    return settled and not moves and (fetch.wanted == 0 or fetch.outside == 0)


@compiled
def tick(side, now, nxt, events, counters):
    """Advance by one cycle: requests, beats that arrived, assembly and dispatch of commands."""
    fetch, setup = side.fetch[0], side.setup[0]
    if now.stop != 0:
        return
    if setup.misaligned != 0:
        raise_fault(nxt, MISALIGNED, 0)
        return
    moved = False
    if now.end_pending == 0:
        if fetch.full != 0:
            _dispatch(fetch, setup, now, nxt, side.program, counters)
        elif fetch.held != 0:
            _move(fetch, setup, nxt, side.program)
            moved = True
        elif fetch.gone == setup.program_beats:
            raise_fault(nxt, NO_END, fetch.index)
        if fetch.known != 0 and fetch.wanted != 0 and fetch.outside != 0:
            raise_fault(nxt, ADDRESS_RANGE, fetch.index)
    fetch.held += fetch.arrived
    fetch.arrived = events & R_WORD != 0 and events & R_LOAD == 0
    if events & FETCH_TAKEN:
        fetch.asked += fetch.beats
        fetch.claimed += fetch.beats
    fetch.known = events & FETCH_TAKEN == 0
    if moved:
        fetch.claimed -= 1
    if moved or events & FETCH_TAKEN:
        present(fetch, setup)


@compiled
def _unit(opcode):
    return EXECUTE if opcode == OPCODE_EXECUTE else (STORE if opcode == OPCODE_STORE else LOAD)


@compiled
def _dispatch(fetch, setup, now, nxt, program, counters):
    """Push the command in the register, if it is checked and its queue has room."""
    if fetch.checked == 0:
        fetch.checked = 1
        return
    fault, opcode = program.faults[fetch.index], program.opcodes[fetch.index]
    if fault != 0:
        raise_fault(nxt, fault, fetch.index)
        return
    if opcode == OPCODE_END:
        nxt.end_pending = 1
    else:
        unit = _unit(opcode)
        if not command_queue.has_room(now, unit, setup.queue_depth):
            return
        nxt.pushed[unit] = now.pushed[unit] + 1
    counters[COMMANDS] += 1
    fetch.full = fetch.checked = 0
    fetch.index += 1


@compiled
def _move(fetch, setup, nxt, program):
    """Move a beat from the buffer into the command register."""
    if read_fails(setup, setup.program_addr + (fetch.gone << setup.cols_log2)):
        raise_fault(nxt, FETCH_ERROR, fetch.index)
    elif program.faults[fetch.index] == ILLEGAL_OPCODE:
        raise_fault(nxt, ILLEGAL_OPCODE, fetch.index)
    fetch.held -= 1
    fetch.gone += 1
    fetch.slot += 1
    if fetch.slot == program.beats[fetch.index]:
        fetch.slot = 0
        fetch.full = 1
