"""The STORE unit, one cycle at a time (docs/architecture.md, 3.4)."""

import numpy as np

from hw.spec.isa import STORE_FIELDS
from hw.spec.regs import Fault
from hw.spec.timing import (
    BURST_LIST,
    DMA_READ_PHASE,
    LINE_BUFFERS,
    MAX_BURST,
    MAX_OUTSTANDING,
    READ_LATENCY,
)
from sim.timing.state import (
    ADDRESS_MASK,
    AW_TAKEN,
    B_BEAT,
    B_ERROR,
    COLS_LOG2,
    LINE_BITS,
    LINE_WORDS,
    PHASE,
    SCRATCHPAD_LINES,
    STOP,
    STORE_DONE,
    STORE_POPPED,
    STORE_PUSHED,
    STORE_READ,
    W_BEAT,
    WORD_MASK,
    burst_beats,
    compiled,
    may_write,
    raise_fault,
    waits_met,
)

# addresses
STATE, COMMAND, ADDR, BEATS, INSIDE, BASE, LEFT, RUNS, UNANSWERED, PRESENTED = range(10)
# lines asked for, and what the two buffers hold
WORD, NEXT_BASE, WORDS_LEFT, RUNS_LEFT, RESERVED, FLIGHT, FILL, HEAD = range(10, 18)
BUFFER_FULL, BUFFER_LEFT = 18, 20
# bursts announced, beats sent of the oldest
BURSTS, BURST_HEAD, BURST_SENT, DROPPING, BURST_LEN = 22, 23, 24, 25, 26
SIZE = BURST_LEN + BURST_LIST
IDLE, WAIT, RUN = range(3)

_COLUMN = {field.name: i for i, field in enumerate(STORE_FIELDS)}
C_LOAD, C_EXECUTE, C_STORE = (_COLUMN[f"wait_{n}"] for n in ("load", "execute", "store"))
C_ADDR, C_STRIDE, C_RUNS, C_LENGTH = (
    _COLUMN[n] for n in ("dram_addr", "dram_stride", "row_count", "row_length")
)
C_SCRATCHPAD, C_SCRATCHPAD_STRIDE = _COLUMN["scratchpad_addr"], _COLUMN["scratchpad_stride"]
OUTSTANDING = MAX_OUTSTANDING
READ_PHASE = DMA_READ_PHASE
ARRIVAL_PHASE = DMA_READ_PHASE + READ_LATENCY
WINDOW = int(Fault.ADDRESS_RANGE)
WRITE_FAILED = int(Fault.WRITE_ERROR)
SCRATCHPAD_RANGE = int(Fault.SCRATCHPAD_RANGE)


def state() -> np.ndarray:
    """STORE after reset."""
    return np.zeros(SIZE, np.int64)


@compiled
def idle(st, now):
    """Whether no command is waiting or being run, in the queue or here."""
    return st[STATE] == IDLE and now[STORE_PUSHED] == now[STORE_POPPED]


@compiled
def empty(st):
    """Whether no burst is presented or under way."""
    return st[UNANSWERED] == 0 and st[PRESENTED] == 0


@compiled
def _wants_address(st, now):
    return (
        st[RUNS] != 0
        and st[BURSTS] < BURST_LIST
        and st[UNANSWERED] < OUTSTANDING
        and now[STOP] == 0
    )


@compiled
def address_valid(st, now):
    """Whether awvalid is high in this cycle."""
    return st[PRESENTED] != 0 or (st[INSIDE] != 0 and _wants_address(st, now))


@compiled
def word_valid(st):
    """Whether wvalid is high in this cycle."""
    return st[BURSTS] != 0 and (st[BUFFER_FULL + st[HEAD]] != 0 or st[DROPPING] != 0)


@compiled
def asleep(st, now, fields):
    """Whether nothing changes without an answer, or a word or an address taken, or a command
    complete."""
    if st[STATE] == IDLE:
        return idle(st, now)
    if st[STATE] == WAIT:
        return not _begins(st, now, fields)
    if st[FLIGHT] != 0 or (st[RUNS_LEFT] != 0 and st[RESERVED] != LINE_BUFFERS):
        return False
    if st[RUNS] == 0 and st[UNANSWERED] == 0:
        return False
    return st[INSIDE] != 0 or not _wants_address(st, now)


@compiled
def _begins(st, now, fields):
    """Whether the command that waits has nothing more to wait for."""
    f = fields[st[COMMAND]]
    return waits_met(now, f[C_LOAD], f[C_EXECUTE], f[C_STORE])


@compiled
def tick(cycle, st, p, now, nxt, fields, stores, events, starts, ends):
    """Advance by one cycle; returns ``events`` and whether the scratchpad is read."""
    if st[STATE] != RUN:
        if now[STOP] == 0:
            _wait(cycle, st, p, now, nxt, fields, stores, starts)
        else:
            st[DROPPING] = 1
        return events
    f = fields[st[COMMAND]]
    finished = st[RUNS] == 0 and st[UNANSWERED] == 0
    if now[STOP] == 0:
        if st[INSIDE] == 0 and st[PRESENTED] == 0 and _wants_address(st, now):
            raise_fault(nxt, WINDOW, st[COMMAND])
        if events & B_ERROR:
            raise_fault(nxt, WRITE_FAILED, st[COMMAND])
    stalled = word_valid(st) and events & W_BEAT == 0
    presents = address_valid(st, now)
    events |= _read_line(st, p, now, nxt, f)
    if events & W_BEAT:
        _send_word(st)
    if events & B_BEAT:
        st[UNANSWERED] -= 1
    if events & AW_TAKEN:
        _next_address(st, p, f)
    st[PRESENTED] = presents and events & AW_TAKEN == 0
    if now[STOP] != 0 and not stalled:
        st[DROPPING] = 1
    if finished:
        nxt[STORE_DONE] = now[STORE_DONE] + 1
        ends[st[COMMAND]] = cycle
        st[STATE] = IDLE
    return events


@compiled
def _wait(cycle, st, p, now, nxt, fields, stores, starts):
    """Take a command, or begin it once what it waits for is complete."""
    if st[STATE] == IDLE:
        if now[STORE_PUSHED] != now[STORE_POPPED]:
            st[COMMAND] = stores[now[STORE_POPPED]]
            nxt[STORE_POPPED] = now[STORE_POPPED] + 1
            st[STATE] = WAIT
        return
    if _begins(st, now, fields):
        f = fields[st[COMMAND]]
        starts[st[COMMAND]] = cycle
        st[STATE] = RUN
        st[RUNS] = st[RUNS_LEFT] = f[C_RUNS]
        st[BASE] = f[C_ADDR]
        st[NEXT_BASE] = f[C_SCRATCHPAD]
        _begin_run(st, p, f)
        _begin_lines(st, f)


@compiled
def _begin_run(st, p, f):
    """Aim at the row at BASE in memory, and move BASE to the next."""
    st[ADDR] = st[BASE]
    st[LEFT] = f[C_LENGTH]
    st[BASE] = (st[BASE] + f[C_STRIDE]) & ADDRESS_MASK
    _present(st, p)


@compiled
def _present(st, p):
    st[BEATS] = burst_beats(p, st[ADDR], st[LEFT], MAX_BURST)
    st[INSIDE] = may_write(p, st[ADDR], st[BEATS])


@compiled
def _next_address(st, p, f):
    """Note the burst whose address was taken, and go on to the next."""
    st[BURST_LEN + (st[BURST_HEAD] + st[BURSTS]) % BURST_LIST] = st[BEATS]
    st[BURSTS] += 1
    st[UNANSWERED] += 1
    if st[LEFT] != st[BEATS]:
        st[LEFT] -= st[BEATS]
        st[ADDR] = (st[ADDR] + (st[BEATS] << p[COLS_LOG2])) & ADDRESS_MASK
        _present(st, p)
        return
    st[RUNS] -= 1
    if st[RUNS] != 0:
        _begin_run(st, p, f)


@compiled
def _begin_lines(st, f):
    """Aim at the row at NEXT_BASE in the scratchpad, and move NEXT_BASE to the next."""
    st[WORD] = st[NEXT_BASE]
    st[WORDS_LEFT] = f[C_LENGTH]
    st[NEXT_BASE] = (st[NEXT_BASE] + f[C_SCRATCHPAD_STRIDE]) & WORD_MASK


@compiled
def _read_line(st, p, now, nxt, f):
    """Ask for a line in STORE's phase, and take the one asked for when it arrives."""
    if now[PHASE] == ARRIVAL_PHASE and st[FLIGHT] != 0:
        st[FLIGHT] = 0
        st[BUFFER_FULL + (1 - st[FILL])] = 1
    if now[PHASE] != READ_PHASE or st[RUNS_LEFT] == 0 or st[RESERVED] == LINE_BUFFERS:
        return 0
    if st[WORD] >> p[LINE_BITS] >= p[SCRATCHPAD_LINES] and now[STOP] == 0:
        raise_fault(nxt, SCRATCHPAD_RANGE, st[COMMAND])
    words = min(p[LINE_WORDS] - (st[WORD] & (p[LINE_WORDS] - 1)), st[WORDS_LEFT])
    st[BUFFER_LEFT + st[FILL]] = words
    st[FILL] = 1 - st[FILL]
    st[RESERVED] += 1
    st[FLIGHT] = 1
    st[WORD] = (st[WORD] + words) & WORD_MASK
    st[WORDS_LEFT] -= words
    if st[WORDS_LEFT] == 0:
        st[RUNS_LEFT] -= 1
        _begin_lines(st, f)
    return STORE_READ


@compiled
def _send_word(st):
    """A word leaves on the W channel."""
    if st[DROPPING] == 0:
        buffer = st[HEAD]
        st[BUFFER_LEFT + buffer] -= 1
        if st[BUFFER_LEFT + buffer] == 0:
            st[BUFFER_FULL + buffer] = 0
            st[RESERVED] -= 1
            st[HEAD] = 1 - buffer
    st[BURST_SENT] += 1
    if st[BURST_SENT] == st[BURST_LEN + st[BURST_HEAD]]:
        st[BURST_SENT] = 0
        st[BURST_HEAD] = (st[BURST_HEAD] + 1) % BURST_LIST
        st[BURSTS] -= 1
