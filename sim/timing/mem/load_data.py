"""Data of LOAD, one cycle at a time (docs/architecture.md, 3.3): scratchpad addresses of the words,
row by row, pixel by pixel."""

import numpy as np

from sim.timing.mem import channel_unpacker, line_assembler
from sim.timing.records import record_type
from sim.timing.state import R_LOAD, WORD_MASK, compiled

STATE = record_type(
    *("valid", "current", "unpack", "finished"),
    *("address", "pixel", "base", "left", "rows_left", "rest", "offset"),
)
"""The current descriptor, that of the LOAD with index ``current``, and the number of those
finished; the place of the next word."""


def state() -> np.ndarray:
    """The data stage after reset."""
    return np.zeros(1, STATE)


@compiled
def ready(load, setup, now):
    """Whether a beat can be accepted in this cycle."""
    data = load.data[0]
    if data.valid == 0:
        return False
    if data.unpack != 0:
        return channel_unpacker.ready(load.unpacker[0], setup)
    return line_assembler.ready(load.assembler[0], setup, now)


@compiled
def begun(data):
    """Descriptors that have begun."""
    return data.finished + data.valid


@compiled
def begin(load, setup, program):
    """Begin the next descriptor."""
    data = load.data[0]
    data.valid = 1
    data.current = program.load_order[data.finished]
    command = program.loads[data.current]
    data.unpack = command.unpack
    data.rows_left = command.row_count
    data.base = command.scratchpad_addr
    data.offset = command.dram_addr
    _begin_row(load, setup, command)


@compiled
def tick(load, setup, program, events):
    """Advance by one cycle: words from the bus, or from the unpacker, go to the assembler."""
    data, assembler = load.data[0], load.assembler[0]
    command = program.loads[data.current]
    beat = events & R_LOAD != 0
    if data.unpack == 0:
        if beat:
            _put_word(load, setup, command, True, False)
        return
    length = min(data.rest, setup.cols)
    if channel_unpacker.tick(load.unpacker[0], setup, length, beat, assembler.closed == 0):
        several = command.channels > setup.cols
        _put_word(load, setup, command, data.rest <= setup.cols, several)


@compiled
def _begin_row(load, setup, command):
    """Aim at the row at ``base`` in the scratchpad, and move ``base`` to the next."""
    data = load.data[0]
    data.address = data.pixel = data.base
    data.base = (data.base + command.scratchpad_stride) & WORD_MASK
    data.left = command.row_length
    data.rest = command.channels
    if data.unpack != 0:
        size = command.row_length * command.channels
        channel_unpacker.begin(load.unpacker[0], setup, data.offset, size)
        data.offset += command.dram_stride


@compiled
def _put_word(load, setup, command, ends_pixel, alone):
    """The assembler accepts a word, ``alone`` in its line or not; aim at the next one."""
    data = load.data[0]
    ends_row = ends_pixel and data.left == 1
    ends = ends_row and data.rows_left == 1
    line_assembler.accept(
        load.assembler[0], setup, data.address, alone or ends_row, ends, data.current
    )
    if ends:
        data.valid = 0
        data.finished += 1
    elif ends_row:
        data.rows_left -= 1
        _begin_row(load, setup, command)
    elif ends_pixel:
        data.pixel = data.address = (data.pixel + 1) & WORD_MASK
        data.left -= 1
        data.rest = command.channels
    else:
        data.address = (data.address + command.plane) & WORD_MASK
        data.rest -= setup.cols
