"""State that the units' step functions share: registered values, the events of a cycle, parameters.

``now`` holds the values at the start of a cycle and ``nxt`` those of the next one; the machine
copies ``nxt`` to ``now`` after each cycle. Compiled code sees the names below as constants.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from hw.spec.config import AccelConfig
from hw.spec.isa import SCRATCHPAD_ADDR_BITS
from hw.spec.regs import PROGRAM_ALIGN
from hw.spec.timing import BURST_BOUNDARY, FETCH_BYTES

# registered values; the order of load, execute and store matters to `fetch`
LOAD_DONE, EXECUTE_DONE, STORE_DONE = 0, 1, 2
LOAD_PUSHED, EXECUTE_PUSHED, STORE_PUSHED = 3, 4, 5
LOAD_POPPED, EXECUTE_POPPED, STORE_POPPED = 6, 7, 8
PHASE, END_PENDING, FAULT, FAULT_INDEX, FAULT_CODE, DONE, STOP, STANDSTILL = range(9, 17)
SIZE = 17

# events of a cycle, bits of one integer
AR_TAKEN, R_BEAT, R_LAST, R_LOAD, R_ERROR = 1, 2, 4, 8, 16
AW_TAKEN, W_BEAT, B_BEAT, B_ERROR = 32, 64, 128, 256
FETCH_TAKEN, LOAD_TAKEN, STORE_READ = 512, 1024, 2048
HANDSHAKES = {"ar": AR_TAKEN, "r": R_BEAT, "aw": AW_TAKEN, "w": W_BEAT, "b": B_BEAT}
"""The event of each channel's handshake."""

# parameters
COLS, COLS_LOG2, LATENCY, INTERVAL, SCRATCHPAD_LINES, QUEUE_DEPTH, FETCH_BURST = range(7)
PROGRAM_ADDR, PROGRAM_BEATS, MEMORY_BYTES = 7, 8, 9
READ_BASE, READ_LIMIT, WRITE_BASE, WRITE_LIMIT = 10, 11, 12, 13
READ_ERROR_LOW, READ_ERROR_HIGH, READ_ERROR_RESPONSE = 14, 15, 16
WRITE_ERROR_LOW, WRITE_ERROR_HIGH, WRITE_ERROR_RESPONSE = 17, 18, 19
LINE_WORDS, LINE_BITS = 20, 21
SILENT_CHANNELS, SILENT_AFTER = 22, 23
MISALIGNED = 24
PARAMETERS = 25

compiled = njit(forceinline=True, _nrt=False, error_model="numpy")
"""Decorator of the functions that run every cycle: as one piece of code, and without reference
counts, which would cost more than the rest (so they make no arrays). Only the machine's loop, which
they are part of, is cached."""


class Sizes(NamedTuple):
    """Sizes of the machine that the execute unit's cycles follow from."""

    rows: int
    cols: int
    requant_words: int
    table_words: int
    line_words: int
    line_bits: int
    param_lines: int


def sizes(config: AccelConfig) -> Sizes:
    """Those of ``config``."""
    return Sizes(*(getattr(config, name) for name in Sizes._fields))


NEVER = 1 << 62
"""A cycle that does not come."""
ADDRESS_MASK = (1 << 32) - 1
WORD_MASK = (1 << SCRATCHPAD_ADDR_BITS) - 1


def registers() -> np.ndarray:
    """The registered values at reset (cycle 2), for ``now`` and for ``nxt``."""
    return np.zeros(SIZE, np.int64)


def parameters(
    config: AccelConfig,
    program_addr: int,
    program_size: int,
    address_ranges: tuple[int, int, int, int],
    *,
    memory_bytes: int = 1 << 32,
    read_error: tuple[int, int, int] = (0, 0, 0),
    write_error: tuple[int, int, int] = (0, 0, 0),
    silence: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """The parameters of a run.

    ``address_ranges`` is (read_base, read_limit, write_base, write_limit). Beats that touch bytes
    low .. high - 1 of ``read_error`` or ``write_error`` = (low, high, response) are answered with
    that response, unless it is 0, and beats beyond ``memory_bytes`` with an error. ``silence`` is
    (channels, after): once the channels, bits of HANDSHAKES, have seen that many handshakes
    together, the memory answers on none of them.
    """
    p = np.zeros(PARAMETERS, np.int64)
    p[COLS] = config.cols
    p[COLS_LOG2] = config.cols.bit_length() - 1
    p[LATENCY] = config.memory.latency
    p[INTERVAL] = config.beat_interval
    p[SCRATCHPAD_LINES] = config.scratchpad_lines
    p[LINE_WORDS] = config.line_words
    p[LINE_BITS] = config.line_bits
    p[QUEUE_DEPTH] = config.queue_depth
    p[FETCH_BURST] = FETCH_BYTES // config.bus_bytes
    p[PROGRAM_ADDR] = program_addr
    p[PROGRAM_BEATS] = program_size // config.bus_bytes
    p[MISALIGNED] = (program_addr | program_size) % PROGRAM_ALIGN != 0
    p[MEMORY_BYTES] = memory_bytes
    p[READ_BASE : WRITE_LIMIT + 1] = address_ranges
    p[READ_ERROR_LOW : READ_ERROR_RESPONSE + 1] = read_error
    p[WRITE_ERROR_LOW : WRITE_ERROR_RESPONSE + 1] = write_error
    p[SILENT_CHANNELS], p[SILENT_AFTER] = silence
    return p


@compiled
def waits_met(now, load, execute, store):
    """Whether that many commands of each kind are complete."""
    return now[LOAD_DONE] >= load and now[EXECUTE_DONE] >= execute and now[STORE_DONE] >= store


@compiled
def raise_fault(nxt, code, index):
    """Stop the units with a fault, unless one was raised before."""
    if nxt[FAULT] == 0:
        nxt[FAULT] = nxt[STOP] = 1
        nxt[DONE] = 0
        nxt[FAULT_CODE] = code
        nxt[FAULT_INDEX] = index


@compiled
def burst_beats(p, addr, left, most):
    """Beats of the burst at ``addr`` when ``left`` beats are to go."""
    boundary = (BURST_BOUNDARY - (addr & (BURST_BOUNDARY - 1))) >> p[COLS_LOG2]
    return min(most, left, boundary)


@compiled
def may_write(p, addr, beats):
    """Whether a write burst lies in the write range."""
    end = addr + (beats << p[COLS_LOG2])
    return addr >= p[WRITE_BASE] and end <= p[WRITE_LIMIT]


@compiled
def may_read(p, addr, beats):
    """Whether a read burst lies in the read range or in the write range."""
    end = addr + (beats << p[COLS_LOG2])
    return (addr >= p[READ_BASE] and end <= p[READ_LIMIT]) or may_write(p, addr, beats)


@compiled
def read_fails(p, addr):
    """Whether the memory answers the read beat at ``addr`` with an error."""
    if addr >= p[MEMORY_BYTES]:
        return True
    return (
        p[READ_ERROR_RESPONSE] != 0
        and addr < p[READ_ERROR_HIGH]
        and addr + p[COLS] > p[READ_ERROR_LOW]
    )


@compiled
def write_fails(p, addr):
    """Whether the memory answers the write beat at ``addr`` with an error."""
    if addr >= p[MEMORY_BYTES]:
        return True
    return (
        p[WRITE_ERROR_RESPONSE] != 0
        and addr < p[WRITE_ERROR_HIGH]
        and addr + p[COLS] > p[WRITE_ERROR_LOW]
    )
