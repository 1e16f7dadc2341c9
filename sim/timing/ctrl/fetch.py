"""Command fetch, one cycle at a time (docs/architecture.md, 3.2)."""

import numpy as np

from hw.spec.isa import Opcode
from hw.spec.regs import Counter, Fault
from hw.spec.timing import FETCH_BYTES
from sim.timing.state import (
    COLS_LOG2,
    END_PENDING,
    FETCH_BURST,
    FETCH_TAKEN,
    LOAD_POPPED,
    LOAD_PUSHED,
    MISALIGNED,
    PROGRAM_ADDR,
    PROGRAM_BEATS,
    QUEUE_DEPTH,
    R_BEAT,
    R_LOAD,
    STOP,
    burst_beats,
    compiled,
    may_read,
    raise_fault,
    read_fails,
)

# state: the request (with room for it, and inside the address ranges or not), the buffer, the
# register; whether the request, and the full register, were there a cycle before
ADDR, BEATS, WANTED, OUTSIDE, ASKED, CLAIMED, HELD, GONE, PART, FULL, INDEX = range(11)
KNOWN, CHECKED = 11, 12
SIZE = 13

CAPACITY = 2 * FETCH_BYTES
END = int(Opcode.END)
STORE = int(Opcode.STORE)
EXECUTE = int(Opcode.EXECUTE)
COMMANDS = int(Counter.COMMANDS)
MISALIGNED_FAULT = int(Fault.MISALIGNED)
FETCH_ERROR = int(Fault.FETCH_ERROR)
ILLEGAL_OPCODE = int(Fault.ILLEGAL_OPCODE)
NO_END = int(Fault.NO_END)
WINDOW = int(Fault.ADDRESS_RANGE)


def state() -> np.ndarray:
    """FETCH after reset, before its first request is presented."""
    return np.zeros(SIZE, np.int64)


@compiled
def request_valid(fe, now):
    """Whether FETCH makes a request in this cycle (the reader heeds STOP)."""
    return fe[KNOWN] != 0 and fe[WANTED] != 0 and fe[OUTSIDE] == 0 and now[END_PENDING] == 0


@compiled
def present(fe, p):
    """Work out the request."""
    addr = p[PROGRAM_ADDR] + (fe[ASKED] << p[COLS_LOG2])
    beats = burst_beats(p, addr, p[PROGRAM_BEATS] - fe[ASKED], p[FETCH_BURST])
    fe[ADDR] = addr
    fe[BEATS] = beats
    fe[WANTED] = (
        beats != 0 and fe[CLAIMED] + beats <= CAPACITY >> p[COLS_LOG2] and p[MISALIGNED] == 0
    )
    fe[OUTSIDE] = not may_read(p, addr, beats)


@compiled
def asleep(fe, p, now, opcodes, codes):
    """Whether nothing changes without a beat, or a request taken, or room in a queue."""
    if now[END_PENDING] != 0:
        return True
    if fe[FULL] == 0:
        moves = fe[HELD] != 0 or fe[GONE] == p[PROGRAM_BEATS]
    else:
        i = fe[INDEX]
        moves = (
            fe[CHECKED] == 0
            or codes[i] != 0
            or opcodes[i] == END
            or _queued(now, _unit(opcodes[i])) < p[QUEUE_DEPTH]
        )
    return fe[KNOWN] != 0 and not moves and (fe[WANTED] == 0 or fe[OUTSIDE] == 0)


@compiled
def tick(fe, p, now, nxt, opcodes, beats, codes, events, counters):
    """Advance by one cycle: requests, beats that arrived, assembly and dispatch of commands."""
    if now[STOP] != 0:
        return
    if p[MISALIGNED] != 0:
        raise_fault(nxt, MISALIGNED_FAULT, 0)
        return
    moved = False
    if now[END_PENDING] == 0:
        if fe[FULL] != 0:
            _dispatch(fe, p, now, nxt, opcodes, codes, counters)
        elif fe[HELD] != 0:
            _move(fe, p, nxt, beats, codes)
            moved = True
        elif fe[GONE] == p[PROGRAM_BEATS]:
            raise_fault(nxt, NO_END, fe[INDEX])
        if fe[KNOWN] != 0 and fe[WANTED] != 0 and fe[OUTSIDE] != 0:
            raise_fault(nxt, WINDOW, fe[INDEX])
    if events & R_BEAT and events & R_LOAD == 0:
        fe[HELD] += 1
    if events & FETCH_TAKEN:
        fe[ASKED] += fe[BEATS]
        fe[CLAIMED] += fe[BEATS]
    fe[KNOWN] = events & FETCH_TAKEN == 0
    if moved:
        fe[CLAIMED] -= 1
    if moved or events & FETCH_TAKEN:
        present(fe, p)


@compiled
def _unit(opcode):
    return 1 if opcode == EXECUTE else (2 if opcode == STORE else 0)


@compiled
def _queued(now, unit):
    """Commands in the queue of a unit."""
    return now[LOAD_PUSHED + unit] - now[LOAD_POPPED + unit]


@compiled
def _dispatch(fe, p, now, nxt, opcodes, codes, counters):
    """Push the command in the register, if it is checked and its queue has room."""
    if fe[CHECKED] == 0:
        fe[CHECKED] = 1
        return
    i = fe[INDEX]
    opcode = opcodes[i]
    if codes[i] != 0:
        raise_fault(nxt, codes[i], i)
        return
    if opcode == END:
        nxt[END_PENDING] = 1
    else:
        unit = _unit(opcode)
        if _queued(now, unit) >= p[QUEUE_DEPTH]:
            return
        nxt[LOAD_PUSHED + unit] = now[LOAD_PUSHED + unit] + 1
    counters[COMMANDS] += 1
    fe[FULL] = fe[CHECKED] = 0
    fe[INDEX] += 1


@compiled
def _move(fe, p, nxt, beats, codes):
    """Move a beat from the buffer into the command register."""
    i = fe[INDEX]
    if read_fails(p, p[PROGRAM_ADDR] + (fe[GONE] << p[COLS_LOG2])):
        raise_fault(nxt, FETCH_ERROR, i)
    elif codes[i] == ILLEGAL_OPCODE:
        raise_fault(nxt, ILLEGAL_OPCODE, i)
    fe[HELD] -= 1
    fe[GONE] += 1
    fe[PART] += 1
    if fe[PART] == beats[i]:
        fe[PART] = 0
        fe[FULL] = 1
