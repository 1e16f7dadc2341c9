"""The memory, one cycle at a time: see the header of hw/tools/cosim/dram.sv, the same statement."""

import numpy as np

from hw.spec.timing import MEMORY_OUTSTANDING, WRITE_RESPONSE
from sim.timing.mem import (
    load_unit,
    read_channel,
    store_unit,
)
from sim.timing.state import (
    AR_TAKEN,
    AW_TAKEN,
    B_BEAT,
    B_ERROR,
    COLS_LOG2,
    INTERVAL,
    LATENCY,
    NEVER,
    R_BEAT,
    R_ERROR,
    R_LAST,
    R_LOAD,
    SILENT_AFTER,
    SILENT_CHANNELS,
    STOP,
    W_BEAT,
    compiled,
    read_fails,
    write_fails,
)

OUTSTANDING = MEMORY_OUTSTANDING

# state
READS, READ_HEAD, READ_BEAT, BUS_FREE, WRITES_TURN = range(5)
WRITES, WRITE_HEAD, UNSENT, SEND_HEAD, WRITE_BEAT = range(5, 10)
READ_DUE, READ_ADDR, READ_LEN = 10, 26, 42
ANSWER_DUE, WRITE_ADDR, WRITE_LEN, WRITE_BAD = 58, 74, 90, 106
SEEN = 122
SIZE = 123


def state() -> np.ndarray:
    """The memory after reset."""
    return np.zeros(SIZE, np.int64)


@compiled
def tick(cycle, d, p, now, rd, ld, st):
    """Advance the memory by one cycle; returns the events of its five channels.

    Must be the first unit of a cycle to step: it looks at the others' state before theirs changes.
    """
    aw_valid = store_unit.address_valid(st, now)
    if rd[read_channel.VALID] == 0 and d[READS] == 0 and d[WRITES] == 0 and not aw_valid:
        return 0
    events = 0
    silent = p[SILENT_CHANNELS] if d[SEEN] >= p[SILENT_AFTER] else 0
    if rd[read_channel.VALID] != 0 and d[READS] < OUTSTANDING and silent & AR_TAKEN == 0:
        events |= AR_TAKEN
    if aw_valid and d[WRITES] < OUTSTANDING and silent & AW_TAKEN == 0:
        events |= AW_TAKEN
    if d[WRITES] > d[UNSENT] and cycle >= d[ANSWER_DUE + d[WRITE_HEAD]] and silent & B_BEAT == 0:
        events |= B_BEAT
        if d[WRITE_BAD + d[WRITE_HEAD]] != 0:
            events |= B_ERROR
    if cycle >= d[BUS_FREE]:
        read = (
            d[READS] > 0
            and cycle >= d[READ_DUE + d[READ_HEAD]]
            and silent & R_BEAT == 0
            and (read_channel.head_is_fetch(rd) or load_unit.ready(ld, p, now) or now[STOP] != 0)
        )
        write = d[UNSENT] > 0 and store_unit.word_valid(st) and silent & W_BEAT == 0
        if read and write:
            read = d[WRITES_TURN] == 0
            write = not read
            d[WRITES_TURN] ^= 1
        if read:
            events |= _read_beat(cycle, d, p, rd)
        elif write:
            events |= _write_beat(cycle, d, p)
    if events & AR_TAKEN:
        tail = (d[READ_HEAD] + d[READS]) % OUTSTANDING
        d[READ_DUE + tail] = cycle + p[LATENCY]
        d[READ_ADDR + tail] = rd[read_channel.ADDR]
        d[READ_LEN + tail] = rd[read_channel.BEATS]
        d[READS] += 1
    if events & B_BEAT:
        d[WRITE_HEAD] = (d[WRITE_HEAD] + 1) % OUTSTANDING
        d[WRITES] -= 1
    if events & AW_TAKEN:
        tail = (d[WRITE_HEAD] + d[WRITES]) % OUTSTANDING
        d[WRITE_ADDR + tail] = st[store_unit.ADDR]
        d[WRITE_LEN + tail] = st[store_unit.BEATS]
        d[WRITE_BAD + tail] = 0
        d[WRITES] += 1
        d[UNSENT] += 1
    if p[SILENT_CHANNELS] != 0:
        _count(d, events & p[SILENT_CHANNELS])
    return events


@compiled
def _count(d, handshakes):
    """Count the events that are set in ``handshakes``."""
    while handshakes != 0:
        handshakes &= handshakes - 1
        d[SEEN] += 1


@compiled
def wakes(cycle, d, rd, st, now):
    """First cycle from ``cycle`` on in which a beat may move or an address be taken, unless LOAD or
    STORE wakes before."""
    if (
        rd[read_channel.VALID] != 0
        or store_unit.address_valid(st, now)
        or (d[UNSENT] > 0 and store_unit.word_valid(st))
    ):
        return cycle
    first = NEVER
    if d[READS] > 0:
        first = d[READ_DUE + d[READ_HEAD]]
    if d[WRITES] > d[UNSENT]:
        first = min(first, d[ANSWER_DUE + d[WRITE_HEAD]])
    return first


@compiled
def _read_beat(cycle, d, p, rd):
    head = d[READ_HEAD]
    events = R_BEAT
    if not read_channel.head_is_fetch(rd):
        events |= R_LOAD
    if read_fails(p, d[READ_ADDR + head] + (d[READ_BEAT] << p[COLS_LOG2])):
        events |= R_ERROR
    d[BUS_FREE] = cycle + p[INTERVAL]
    d[READ_BEAT] += 1
    if d[READ_BEAT] == d[READ_LEN + head]:
        events |= R_LAST
        d[READ_BEAT] = 0
        d[READ_HEAD] = (head + 1) % OUTSTANDING
        d[READS] -= 1
    return events


@compiled
def _write_beat(cycle, d, p):
    head = d[SEND_HEAD]
    if write_fails(p, d[WRITE_ADDR + head] + (d[WRITE_BEAT] << p[COLS_LOG2])):
        d[WRITE_BAD + head] = 1
    d[BUS_FREE] = cycle + p[INTERVAL]
    d[WRITE_BEAT] += 1
    if d[WRITE_BEAT] == d[WRITE_LEN + head]:
        d[ANSWER_DUE + head] = cycle + WRITE_RESPONSE
        d[WRITE_BEAT] = 0
        d[SEND_HEAD] = (head + 1) % OUTSTANDING
        d[UNSENT] -= 1
    return W_BEAT
