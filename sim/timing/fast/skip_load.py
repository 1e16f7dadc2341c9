"""Fast-forward through the middle of plain LOAD bursts: one word a cycle, and nothing else is
active on the memory side.
"""

from hw.spec.regs import Counter
from sim.timing.mem import (
    line_assembler,
    load_data,
    load_request,
    memory_side,
    read_channel,
    store_unit,
)
from sim.timing.state import WORD_MASK, compiled

READ_BEATS = int(Counter.READ_BEATS)


@compiled
def beats(cycle, phase, side, now):
    """Cycles from ``cycle``, which has that phase, in which the memory side does no more than to
    move a word each into the scratchpad, if no EXECUTE is taken or completed."""
    dram, setup = side.dram[0], side.setup[0]
    data, assembler = side.load.data[0], side.load.assembler[0]
    if not (
        _streams(cycle, side)
        and memory_side.asleep(side, now)
        and load_request.asleep(side.load.request[0], now, side.program, load_data.begun(data))
        and dram.writes == 0
        and not store_unit.address_valid(side.store, now)
    ):
        return 0
    count = min(dram.read_beats[dram.read_head] - dram.read_beat, data.left) - 1
    if data.address + count > min(setup.scratchpad_lines << setup.line_bits, WORD_MASK):
        return 0
    if assembler.pending_valid != 0:
        fits = setup.line_words - (data.address & (setup.line_words - 1))
        if assembler.pending_last != 0 or assembler.pending_line >= setup.scratchpad_lines:
            return 0
        if _until_write(setup, phase) > fits:
            return min(count, fits)
    return count


@compiled
def _streams(cycle, side):
    """Whether a word moves in this cycle that LOAD takes as it is, and memory can give no error."""
    dram, setup, channel = side.dram[0], side.setup[0], side.channel[0]
    head = dram.read_head
    end = dram.read_addr[head] + (dram.read_beats[head] << setup.cols_log2)
    return (
        setup.bus == setup.cols
        and side.load.data[0].valid != 0
        and side.load.data[0].unpack == 0
        and side.load.assembler[0].closed == 0
        and channel.valid == 0
        and not read_channel.head_is_fetch(channel)
        and dram.reads != 0
        and cycle >= dram.read_due[head]
        and cycle >= dram.bus_free
        and setup.interval == 1
        and setup.read_error_response == 0
        and setup.silent_channels == 0
        and end <= setup.memory_bytes
    )


@compiled
def _until_write(setup, phase):
    """Cycles from one of that phase to the next in which LOAD may write a line."""
    return (line_assembler.WRITE_PHASE - phase) & (setup.line_words - 1)


@compiled
def move(count, cycle, phase, side, counters):
    """Move ``count`` words, not more than ``beats``, in the cycles before ``cycle``, which has that
    phase."""
    dram, setup = side.dram[0], side.setup[0]
    data, assembler = side.load.data[0], side.load.assembler[0]
    counters[READ_BEATS] += count
    dram.read_beat += count
    dram.bus_free = cycle
    first = data.address
    data.address = data.pixel = first + count
    data.left -= count
    line_assembler.accept(assembler, setup, first + count - 1, False, 0, data.current)
    _assemble(count, first, phase, assembler, setup)


@compiled
def _assemble(count, first, phase, assembler, setup):
    """The line that waits to be written after ``count`` words from ``first`` on.

    A line goes there in the cycle after its last word.
    """
    end = (first + count - 1) & ~(setup.line_words - 1)
    age = count
    if end > first:
        assembler.pending_valid = 1
        assembler.pending_line = (end >> setup.line_bits) - 1
        assembler.pending_last = 0
        assembler.pending_index = assembler.index
        age = first + count - end - 1
    if assembler.pending_valid != 0 and _until_write(setup, phase - age) < age:
        assembler.pending_valid = 0
