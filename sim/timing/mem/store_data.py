"""Data of STORE, one cycle at a time (docs/architecture.md, 3.4): lines asked for, the line buffers
and the bursts whose words are to be sent."""

import numpy as np

from hw.spec.regs import Fault
from hw.spec.timing import BURST_LIST, DMA_READ_PHASE, LINE_BUFFERS, READ_LATENCY
from sim.timing.records import record_type
from sim.timing.state import STORE_READ, WORD_MASK, compiled, raise_fault

STATE = record_type(
    # the next line asked for, buffers in use, whether a line is on its way
    *("address", "base", "left", "rows_left", "reserved", "in_flight"),
    # the buffer that is asked for next, and the one that is sent from
    *("fill", "head"),
    # bursts announced, the place of the oldest in the list, its beats sent; whether words are
    # sent without data
    *("bursts", "burst_head", "sent", "dropping"),
    full=LINE_BUFFERS,
    words=LINE_BUFFERS,
    burst_beats=BURST_LIST,
    burst_places=BURST_LIST,
)
READ_PHASE = DMA_READ_PHASE
ARRIVAL_PHASE = DMA_READ_PHASE + READ_LATENCY
SCRATCHPAD_RANGE = int(Fault.SCRATCHPAD_RANGE)


def state() -> np.ndarray:
    """The data stage after reset."""
    return np.zeros(1, STATE)


@compiled
def word_valid(data):
    """Whether wvalid is high in this cycle."""
    return data.bursts != 0 and (data.full[data.head] != 0 or data.dropping != 0)


@compiled
def has_room(data):
    """Whether a burst can be announced."""
    return data.bursts < BURST_LIST


@compiled
def asleep(data):
    """Whether no line arrives or is asked for."""
    return data.in_flight == 0 and (data.rows_left == 0 or data.reserved == LINE_BUFFERS)


@compiled
def begin(data, command):
    """Begin a command."""
    data.rows_left = command.row_count
    data.base = command.scratchpad_addr
    _begin_row(data, command)


@compiled
def announce(data, beats, place):
    """Append a burst of ``beats`` words to the list; its first lies in the bus's ``place``."""
    tail = (data.burst_head + data.bursts) % BURST_LIST
    data.burst_beats[tail] = beats
    data.burst_places[tail] = place
    data.bursts += 1


@compiled
def _begin_row(data, command):
    """Aim at the row at ``base`` in the scratchpad, and move ``base`` to the next."""
    data.address = data.base
    data.left = command.row_length
    data.base = (data.base + command.scratchpad_stride) & WORD_MASK


@compiled
def read_line(data, setup, now, nxt, command, index):
    """Ask for a line in STORE's phase, and take the one asked for when it arrives. Returns the
    event."""
    phase = now.phase & (setup.line_words - 1)
    if phase == ARRIVAL_PHASE and data.in_flight != 0:
        data.in_flight = 0
        data.full[1 - data.fill] = 1
    if phase != READ_PHASE or data.rows_left == 0 or data.reserved == LINE_BUFFERS:
        return 0
    if data.address >> setup.line_bits >= setup.scratchpad_lines and now.stop == 0:
        raise_fault(nxt, SCRATCHPAD_RANGE, index)
    words = min(setup.line_words - (data.address & (setup.line_words - 1)), data.left)
    data.words[data.fill] = words
    data.fill = 1 - data.fill
    data.reserved += 1
    data.in_flight = 1
    data.address = (data.address + words) & WORD_MASK
    data.left -= words
    if data.left == 0:
        data.rows_left -= 1
        _begin_row(data, command)
    return STORE_READ


@compiled
def send_word(data):
    """A word leaves on the W channel."""
    if data.dropping == 0:
        head = data.head
        data.words[head] -= 1
        if data.words[head] == 0:
            data.full[head] = 0
            data.reserved -= 1
            data.head = 1 - head
    data.sent += 1
    if data.sent == data.burst_beats[data.burst_head]:
        data.sent = 0
        data.burst_head = (data.burst_head + 1) % BURST_LIST
        data.bursts -= 1
