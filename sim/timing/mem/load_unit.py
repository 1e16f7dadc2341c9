"""The LOAD unit, one cycle at a time (docs/architecture.md, 3.3)."""

import numpy as np

from hw.spec.isa import LOAD_FIELDS
from hw.spec.regs import Fault
from hw.spec.timing import DMA_WRITE_PHASE, LOAD_DESCRIPTORS, MAX_BURST
from sim.timing.state import (
    ADDRESS_MASK,
    COLS,
    COLS_LOG2,
    LINE_BITS,
    LINE_WORDS,
    LOAD_DONE,
    LOAD_POPPED,
    LOAD_PUSHED,
    LOAD_TAKEN,
    PHASE,
    R_ERROR,
    R_LOAD,
    SCRATCHPAD_LINES,
    STOP,
    WORD_MASK,
    burst_beats,
    compiled,
    may_read,
    raise_fault,
    waits_met,
)

# state of the request stage; APPENDED and FINISHED count descriptors
STATE, COMMAND, ADDR, BEATS, INSIDE, BASE, LEFT, RUNS, APPENDED, FINISHED = range(10)
# state of the data stage: the current descriptor, and the place of the next word
VALID, CURRENT, UNPACK, WORD, PIXEL, NEXT_BASE, PIXELS, RUNS_LEFT, REST, OFFSET = range(10, 20)
# byte buffer, then assembler
COUNT, SKIP, MISSING, CLOSED, PENDING = range(20, 25)
OPEN_LINE, OPEN_LAST, OPEN_INDEX, PENDING_LINE, PENDING_LAST, PENDING_INDEX = range(25, 31)
SIZE = 31
IDLE, WAIT, RUN = range(3)

_COLUMN = {field.name: i for i, field in enumerate(LOAD_FIELDS)}
C_LOAD, C_EXECUTE, C_STORE = (_COLUMN[f"wait_{n}"] for n in ("load", "execute", "store"))
C_ADDR, C_STRIDE, C_RUNS, C_LENGTH = (
    _COLUMN[n] for n in ("dram_addr", "dram_stride", "row_count", "row_length")
)
C_SCRATCHPAD, C_SCRATCHPAD_STRIDE, C_UNPACK, C_CHANNELS, C_PLANE = (
    _COLUMN[n] for n in ("scratchpad_addr", "scratchpad_stride", "unpack", "channels", "plane")
)
DESCRIPTORS = LOAD_DESCRIPTORS
WRITE_PHASE = DMA_WRITE_PHASE
WINDOW = int(Fault.ADDRESS_RANGE)
READ_FAILED = int(Fault.READ_ERROR)
SCRATCHPAD_RANGE = int(Fault.SCRATCHPAD_RANGE)


def state() -> np.ndarray:
    """LOAD after reset."""
    return np.zeros(SIZE, np.int64)


@compiled
def idle(ld, now):
    """Whether no command is waiting or being requested, in the queue or here."""
    return ld[STATE] == IDLE and now[LOAD_PUSHED] == now[LOAD_POPPED]


@compiled
def request_valid(ld):
    """Whether LOAD makes a request in this cycle (the reader heeds STOP)."""
    return ld[STATE] == RUN and ld[INSIDE] != 0


@compiled
def ready(ld, p, now):
    """Whether LOAD can accept a beat in this cycle."""
    if ld[VALID] == 0:
        return False
    if ld[UNPACK] != 0:
        return ld[COUNT] <= p[COLS] and ld[MISSING] != 0
    return ld[CLOSED] == 0 or ld[PENDING] == 0 or now[PHASE] == WRITE_PHASE & (p[LINE_WORDS] - 1)


@compiled
def asleep(ld, now, fields):
    """Whether nothing changes without a beat, or a request taken, or a command complete."""
    if (
        ld[PENDING] != 0
        or ld[CLOSED] != 0
        or (ld[VALID] != 0 and ld[UNPACK] != 0 and ld[COUNT] != 0)
    ):
        return False
    if ld[VALID] == 0 and ld[APPENDED] != ld[FINISHED]:
        return False
    return waits(ld, now, fields)


@compiled
def waits(ld, now, fields):
    """Whether no request begins without one taken, or a command complete."""
    if ld[STATE] == RUN:
        return ld[INSIDE] != 0
    return not _begins(ld, now, fields) if ld[STATE] == WAIT else idle(ld, now)


@compiled
def _begins(ld, now, fields):
    """Whether the command that waits has nothing more to wait for."""
    f = fields[ld[COMMAND]]
    return (
        waits_met(now, f[C_LOAD], f[C_EXECUTE], f[C_STORE])
        and ld[APPENDED] - ld[FINISHED] < DESCRIPTORS
    )


@compiled
def tick(cycle, ld, p, now, nxt, fields, loads, events, starts, ends):
    """Advance by one cycle; notes the cycles in which commands start and end."""
    if (
        ld[STATE] == IDLE
        and ld[VALID] == 0
        and ld[PENDING] == 0
        and ld[CLOSED] == 0
        and now[LOAD_PUSHED] == now[LOAD_POPPED]
    ):
        return
    begins = ld[STATE] == WAIT and _begins(ld, now, fields)
    if ld[STATE] == RUN and ld[INSIDE] == 0 and now[STOP] == 0:
        raise_fault(nxt, WINDOW, ld[COMMAND])
    if events & R_LOAD and events & R_ERROR and now[STOP] == 0:
        raise_fault(nxt, READ_FAILED, ld[CURRENT])
    written = _data_stage(cycle, ld, p, now, nxt, fields, events, ends)
    if ld[STATE] == RUN:
        if events & LOAD_TAKEN:
            _advance(ld, p, fields[ld[COMMAND]])
    elif now[STOP] == 0:
        if ld[STATE] == WAIT:
            if begins:
                f = fields[ld[COMMAND]]
                starts[ld[COMMAND]] = cycle + 1 if written else cycle
                ld[APPENDED] += 1
                ld[STATE] = RUN
                ld[RUNS] = f[C_RUNS]
                ld[BASE] = f[C_ADDR]
                _begin_run(ld, p, f)
        elif now[LOAD_PUSHED] != now[LOAD_POPPED]:
            ld[COMMAND] = loads[now[LOAD_POPPED]]
            nxt[LOAD_POPPED] = now[LOAD_POPPED] + 1
            ld[STATE] = WAIT
    if ld[VALID] == 0 and ld[APPENDED] != ld[FINISHED]:
        ld[VALID] = 1
        ld[CURRENT] = loads[ld[FINISHED]]
        f = fields[ld[CURRENT]]
        ld[UNPACK] = f[C_UNPACK]
        ld[RUNS_LEFT] = f[C_RUNS]
        ld[NEXT_BASE] = f[C_SCRATCHPAD]
        ld[OFFSET] = f[C_ADDR]
        _begin_words(ld, p, f)


@compiled
def _begin_run(ld, p, f):
    """Aim at the row at BASE, and move BASE to the next."""
    low = ld[BASE] & (p[COLS] - 1)
    ld[ADDR] = ld[BASE] - low
    if f[C_UNPACK] != 0:
        ld[LEFT] = (f[C_LENGTH] * f[C_CHANNELS] + low + p[COLS] - 1) >> p[COLS_LOG2]
    else:
        ld[LEFT] = f[C_LENGTH]
    ld[BASE] = (ld[BASE] + f[C_STRIDE]) & ADDRESS_MASK
    _present(ld, p)


@compiled
def _present(ld, p):
    ld[BEATS] = burst_beats(p, ld[ADDR], ld[LEFT], MAX_BURST)
    ld[INSIDE] = may_read(p, ld[ADDR], ld[BEATS])


@compiled
def _advance(ld, p, f):
    """Go on to the next burst after a request was taken."""
    if ld[LEFT] != ld[BEATS]:
        ld[LEFT] -= ld[BEATS]
        ld[ADDR] = (ld[ADDR] + (ld[BEATS] << p[COLS_LOG2])) & ADDRESS_MASK
        _present(ld, p)
        return
    ld[RUNS] -= 1
    if ld[RUNS] == 0:
        ld[STATE] = IDLE
    else:
        _begin_run(ld, p, f)


@compiled
def _begin_words(ld, p, f):
    """Aim at the row at NEXT_BASE in the scratchpad, and move NEXT_BASE to the next."""
    ld[WORD] = ld[PIXEL] = ld[NEXT_BASE]
    ld[NEXT_BASE] = (ld[NEXT_BASE] + f[C_SCRATCHPAD_STRIDE]) & WORD_MASK
    ld[PIXELS] = f[C_LENGTH]
    ld[REST] = f[C_CHANNELS]
    if ld[UNPACK] != 0:
        ld[COUNT] = 0
        ld[SKIP] = ld[OFFSET] & (p[COLS] - 1)
        size = f[C_LENGTH] * f[C_CHANNELS] + ld[SKIP]
        ld[MISSING] = (size + p[COLS] - 1) >> p[COLS_LOG2]
        ld[OFFSET] += f[C_STRIDE]


@compiled
def _data_stage(cycle, ld, p, now, nxt, fields, events, ends):
    """Words into the open line, lines into the scratchpad; returns whether a LOAD is complete."""
    written = False
    writes = ld[PENDING] != 0 and now[PHASE] == WRITE_PHASE & (p[LINE_WORDS] - 1)
    if writes:
        if ld[PENDING_LINE] >= p[SCRATCHPAD_LINES] and now[STOP] == 0:
            raise_fault(nxt, SCRATCHPAD_RANGE, ld[PENDING_INDEX])
        if ld[PENDING_LAST] != 0:
            written = True
            nxt[LOAD_DONE] = now[LOAD_DONE] + 1
            ends[ld[PENDING_INDEX]] = cycle
        ld[PENDING] = 0
    if ld[CLOSED] != 0 and ld[PENDING] == 0:
        ld[PENDING_LINE] = ld[OPEN_LINE]
        ld[PENDING_LAST] = ld[OPEN_LAST]
        ld[PENDING_INDEX] = ld[OPEN_INDEX]
        ld[PENDING] = 1
        ld[CLOSED] = 0
    if ld[VALID] == 0 or now[STOP] != 0:
        return written
    beat = events & R_LOAD != 0
    if ld[UNPACK] != 0:
        _unpack(ld, p, fields[ld[CURRENT]], beat)
    elif beat:
        _word(ld, p, fields[ld[CURRENT]], True, False)
    return written


@compiled
def _unpack(ld, p, f, beat):
    """One cycle of the byte buffer."""
    length = min(ld[REST], p[COLS])
    leaves = False
    if ld[SKIP] != 0:
        if ld[COUNT] >= ld[SKIP]:
            ld[COUNT] -= ld[SKIP]
            ld[SKIP] = 0
    elif ld[COUNT] >= length and ld[CLOSED] == 0:
        ld[COUNT] -= length
        leaves = True
    if beat:
        ld[COUNT] += p[COLS]
        ld[MISSING] -= 1
    if leaves:
        _word(ld, p, f, ld[REST] <= p[COLS], f[C_CHANNELS] > p[COLS])


@compiled
def _word(ld, p, f, ends_pixel, alone):
    """The assembler accepts a word; aim at the next one."""
    ends_run = ends_pixel and ld[PIXELS] == 1
    ends = ends_run and ld[RUNS_LEFT] == 1
    ld[OPEN_LINE] = ld[WORD] >> p[LINE_BITS]
    ld[OPEN_LAST] = ends
    ld[OPEN_INDEX] = ld[CURRENT]
    ld[CLOSED] = alone or ends_run or (ld[WORD] + 1) & (p[LINE_WORDS] - 1) == 0
    if ends:
        ld[VALID] = 0
        ld[FINISHED] += 1
    elif ends_run:
        ld[RUNS_LEFT] -= 1
        _begin_words(ld, p, f)
    elif ends_pixel:
        ld[PIXEL] = ld[WORD] = (ld[PIXEL] + 1) & WORD_MASK
        ld[PIXELS] -= 1
        ld[REST] = f[C_CHANNELS]
    else:
        ld[WORD] = (ld[WORD] + f[C_PLANE]) & WORD_MASK
        ld[REST] -= p[COLS]
