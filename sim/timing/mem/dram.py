"""The memory, one cycle at a time: see the header of hw/tools/cosim/dram.sv, the same statement."""

import numpy as np

from hw.spec.timing import MEMORY_OUTSTANDING, WRITE_RESPONSE
from sim.timing.mem import (
    read_width,
    store_unit,
    write_width,
)
from sim.timing.records import record_type
from sim.timing.state import (
    AR_TAKEN,
    AW_TAKEN,
    B_BEAT,
    B_ERROR,
    NEVER,
    R_BEAT,
    R_ERROR,
    R_FETCH,
    R_LAST,
    W_BEAT,
    compiled,
    read_fails,
    write_fails,
)

OUTSTANDING = MEMORY_OUTSTANDING
STATE = record_type(
    # bursts read: how many, the place of the oldest, its beats sent
    *("reads", "read_head", "read_beat"),
    # bursts written: unanswered, the place of the oldest of them; those whose beats are not all
    # there, the place of the oldest of them, its beats
    *("writes", "write_head", "unsent", "send_head", "write_beat"),
    # the bus: the cycle from which it is free, whether a write is next where both could go
    *("bus_free", "writes_turn"),
    # handshakes of the channels that are to fall silent
    "seen",
    # of the burst whose beat moves: its words, and the place of the first on the bus
    *("read_words", "read_place"),
    read_due=OUTSTANDING,
    read_addr=OUTSTANDING,
    read_beats=OUTSTANDING,
    burst_words=OUTSTANDING,
    burst_place=OUTSTANDING,
    for_fetch=OUTSTANDING,
    answer_due=OUTSTANDING,
    write_addr=OUTSTANDING,
    write_beats=OUTSTANDING,
    write_bad=OUTSTANDING,
)


def state() -> np.ndarray:
    """The memory after reset."""
    return np.zeros(1, STATE)


@compiled
def tick(cycle, side, now):
    """Advance the memory by one cycle; returns the events of its five channels.

    Must be the first unit of a cycle to step: it looks at the others' state before theirs changes.
    """
    dram, setup, channel = side.dram[0], side.setup[0], side.channel[0]
    aw_valid = store_unit.address_valid(side.store, now)
    if channel.valid == 0 and dram.reads == 0 and dram.writes == 0 and not aw_valid:
        return 0
    events = 0
    silent = setup.silent_channels if dram.seen >= setup.silent_after else 0
    if channel.valid != 0 and dram.reads < OUTSTANDING and silent & AR_TAKEN == 0:
        events |= AR_TAKEN
    if aw_valid and dram.writes < OUTSTANDING and silent & AW_TAKEN == 0:
        events |= AW_TAKEN
    answered = dram.writes > dram.unsent and cycle >= dram.answer_due[dram.write_head]
    if answered and silent & B_BEAT == 0:
        events |= B_BEAT
        if dram.write_bad[dram.write_head] != 0:
            events |= B_ERROR
    if cycle >= dram.bus_free:
        events |= _move_beat(cycle, side, now, silent)
    if events & AR_TAKEN:
        tail = (dram.read_head + dram.reads) % OUTSTANDING
        dram.read_due[tail] = cycle + setup.latency
        _accept_read(dram, setup, channel, tail)
        dram.reads += 1
    if events & B_BEAT:
        dram.write_head = (dram.write_head + 1) % OUTSTANDING
        dram.writes -= 1
    if events & AW_TAKEN:
        tail = (dram.write_head + dram.writes) % OUTSTANDING
        addr, words = side.store.unit[0].addr, side.store.unit[0].beats
        dram.write_addr[tail] = addr & -setup.bus
        dram.write_beats[tail] = _beats(setup, addr, words)
        dram.write_bad[tail] = 0
        dram.writes += 1
        dram.unsent += 1
    if setup.silent_channels != 0:
        _count(dram, events & setup.silent_channels)
    return events


@compiled
def _beats(setup, addr, words):
    """Beats that the ``words`` from ``addr`` on touch."""
    first = addr & (setup.bus - 1)
    return (first + (words << setup.cols_log2) + setup.bus - 1) >> setup.bus_log2


@compiled
def _accept_read(dram, setup, channel, tail):
    """Put the burst of the address channel into the list."""
    dram.read_addr[tail] = channel.addr & -setup.bus
    dram.read_beats[tail] = _beats(setup, channel.addr, channel.beats)
    dram.burst_words[tail] = channel.beats
    dram.burst_place[tail] = (channel.addr & (setup.bus - 1)) >> setup.cols_log2
    dram.for_fetch[tail] = (channel.owners >> (channel.count - 1)) & 1 == 0


@compiled
def _move_beat(cycle, side, now, silent):
    """A beat on the free bus, of a read or of a write, in turn where both could go."""
    dram, setup = side.dram[0], side.setup[0]
    read = (
        dram.reads > 0
        and cycle >= dram.read_due[dram.read_head]
        and silent & R_BEAT == 0
        and read_width.ready(side, now)
    )
    write = dram.unsent > 0 and write_width.beat_valid(side) and silent & W_BEAT == 0
    if read and write:
        read = dram.writes_turn == 0
        write = not read
        dram.writes_turn ^= 1
    if read:
        return _read_beat(cycle, dram, setup)
    return _write_beat(cycle, dram, setup) if write else 0


@compiled
def _count(dram, handshakes):
    """Count the events that are set in ``handshakes``."""
    while handshakes != 0:
        handshakes &= handshakes - 1
        dram.seen += 1


@compiled
def wakes(cycle, side, now):
    """First cycle from ``cycle`` on in which a beat may move or an address be taken, unless LOAD or
    STORE wakes before."""
    dram = side.dram[0]
    if (
        side.channel[0].valid != 0
        or store_unit.address_valid(side.store, now)
        or (dram.unsent > 0 and write_width.beat_valid(side))
        or not read_width.asleep(side)
        or not write_width.asleep(side)
    ):
        return cycle
    first = NEVER
    if dram.reads > 0:
        first = dram.read_due[dram.read_head]
    if dram.writes > dram.unsent:
        first = min(first, dram.answer_due[dram.write_head])
    return first


@compiled
def _read_beat(cycle, dram, setup):
    head = dram.read_head
    events = R_BEAT
    if dram.for_fetch[head] != 0:
        events |= R_FETCH
    if dram.read_beat == 0:
        dram.read_words = dram.burst_words[head]
        dram.read_place = dram.burst_place[head]
    if read_fails(setup, dram.read_addr[head] + (dram.read_beat << setup.bus_log2)):
        events |= R_ERROR
    dram.bus_free = cycle + setup.interval
    dram.read_beat += 1
    if dram.read_beat == dram.read_beats[head]:
        events |= R_LAST
        dram.read_beat = 0
        dram.read_head = (head + 1) % OUTSTANDING
        dram.reads -= 1
    return events


@compiled
def _write_beat(cycle, dram, setup):
    head = dram.send_head
    if write_fails(setup, dram.write_addr[head] + (dram.write_beat << setup.bus_log2)):
        dram.write_bad[head] = 1
    dram.bus_free = cycle + setup.interval
    dram.write_beat += 1
    if dram.write_beat == dram.write_beats[head]:
        dram.answer_due[head] = cycle + WRITE_RESPONSE
        dram.write_beat = 0
        dram.send_head = (head + 1) % OUTSTANDING
        dram.unsent -= 1
    return W_BEAT
