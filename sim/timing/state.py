"""State that the units' step functions share: registered values, the events of a cycle, parameters.

``now`` holds the values at the start of a cycle and ``nxt`` those of the next one; the machine
copies ``nxt`` to ``now`` after each cycle. Compiled code sees the names below as constants.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from compiler.kernels import njit
from hw.spec.config import AccelConfig
from hw.spec.isa import SCRATCHPAD_ADDR_BITS
from hw.spec.regs import misaligned
from hw.spec.timing import BURST_BOUNDARY, FETCH_BYTES, WATCHDOG, WATCHDOG_DELAY
from sim.timing.records import record_type

LOAD, EXECUTE, STORE = range(3)
"""The units that take commands; their order matters to `fetch`."""
REGISTERS = record_type(
    *("phase", "end_pending", "fault", "fault_index", "fault_code", "done", "stop", "standstill"),
    *("noticed", "noticed_index", "noticed_code"),
    pushed=3,
    popped=3,
    complete=3,
    queued=3,
)
"""Registered values. ``pushed``, ``popped`` and ``complete`` count commands, by unit. ``queued``
has a bit for each stage of a unit's queue, the first stage's lowest: it is full. ``noticed``: a
unit raised a fault in the cycle before."""

# events of a cycle, bits of one integer
AR_TAKEN, R_BEAT, R_LAST, R_LOAD, R_ERROR = 1, 2, 4, 8, 16
AW_TAKEN, W_BEAT, B_BEAT, B_ERROR = 32, 64, 128, 256
FETCH_TAKEN, LOAD_TAKEN, STORE_READ = 512, 1024, 2048
R_FETCH, R_WORD, W_WORD = 4096, 8192, 16384
HANDSHAKES = {"ar": AR_TAKEN, "r": R_BEAT, "aw": AW_TAKEN, "w": W_BEAT, "b": B_BEAT}
"""The event of each channel's handshake."""

SETUP = record_type(
    *("cols", "cols_log2", "bus", "bus_log2", "burst_words"),
    *("line_words", "line_bits", "scratchpad_lines", "queue_depth"),
    *("latency", "interval", "memory_bytes"),
    *("program_addr", "program_beats", "fetch_burst", "misaligned"),
    *("read_base", "read_limit", "write_base", "write_limit"),
    *("read_error_low", "read_error_high", "read_error_response"),
    *("write_error_low", "write_error_high", "write_error_response"),
    *("silent_channels", "silent_after"),
    # cycles without a movement after which the run stops
    "watched",
)
"""Parameters of a run."""

compiled = njit(forceinline=True, _nrt=False, error_model="numpy")
"""Decorator of the functions that run every cycle: as one piece of code, and without reference
counts, which would cost more than the rest (so they make no arrays). Only the machine's loop, which
they are part of, is cached."""


class Sizes(NamedTuple):
    """Sizes of the machine that the execute unit's cycles follow from."""

    rows: int
    cols: int
    address_cycles: int
    requant_bits: int
    beat_cycles: int
    skip_bits: int
    residual_interval: int
    plain_write: int
    residual_write: int
    phases: int
    table_words: int
    table_interval: int
    table_settle: int
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
    """The registered values at reset (cycle 2): ``now`` and ``nxt``."""
    return np.zeros(2, REGISTERS)


def parameters(
    config: AccelConfig,
    program_addr: int,
    program_size: int,
    address_ranges: tuple[int, int, int, int],
    *,
    base: int = 0,
    memory_bytes: int = 1 << 32,
    read_error: tuple[int, int, int] = (0, 0, 0),
    write_error: tuple[int, int, int] = (0, 0, 0),
    silence: tuple[int, int] = (0, 0),
    watchdog: int = WATCHDOG,
) -> np.ndarray:
    """The parameters of a run, SETUP [1].

    ``address_ranges`` is (read_base, read_limit, write_base, write_limit). All addresses count from
    ``base``. Beats that touch bytes
    low .. high - 1 of ``read_error`` or ``write_error`` = (low, high, response) are answered with
    that response, unless it is 0, and beats beyond ``memory_bytes`` with an error. ``silence`` is
    (channels, after): once the channels, bits of HANDSHAKES, have seen that many handshakes
    together, the memory answers on none of them. After ``watchdog`` cycles without a movement the
    run stops.
    """
    values = {
        "cols": config.cols,
        "cols_log2": config.cols.bit_length() - 1,
        "bus": config.bus_bytes,
        "bus_log2": config.bus_bytes.bit_length() - 1,
        "burst_words": config.burst_words,
        "line_words": config.line_words,
        "line_bits": config.line_bits,
        "scratchpad_lines": config.scratchpad_lines,
        "queue_depth": config.queue_depth,
        "latency": config.memory.latency,
        "interval": config.beat_interval,
        "memory_bytes": memory_bytes,
        "program_addr": program_addr,
        "program_beats": program_size // config.cols,
        "fetch_burst": FETCH_BYTES // config.cols,
        "misaligned": misaligned(program_addr, program_size, base),
    }
    spans = (*address_ranges, *read_error, *write_error, *silence)
    return np.array([(*values.values(), *spans, watchdog + WATCHDOG_DELAY)], SETUP)


@compiled
def waits_met(now, load, execute, store):
    """Whether so many commands of each kind are complete."""
    return (
        now.complete[LOAD] >= load
        and now.complete[EXECUTE] >= execute
        and now.complete[STORE] >= store
    )


@compiled
def raise_fault(nxt, code, index):
    """Note the fault of a unit, which is heeded in the next cycle, unless one has come before it in
    this cycle."""
    if nxt.noticed == 0:
        nxt.noticed = 1
        nxt.noticed_code = code
        nxt.noticed_index = index


@compiled
def stop_for_fault(nxt, code, index):
    """Stop the units with a fault, unless one has stopped them."""
    if nxt.fault == 0:
        nxt.fault = nxt.stop = 1
        nxt.done = 0
        nxt.fault_code = code
        nxt.fault_index = index


@compiled
def burst_beats(setup, addr, left, most):
    """Words of the burst at ``addr`` when ``left`` words are to go."""
    boundary = (BURST_BOUNDARY - (addr & (BURST_BOUNDARY - 1))) >> setup.cols_log2
    return min(most, left, boundary)


@compiled
def may_write(setup, addr, beats):
    """Whether a write burst lies in the write range."""
    end = addr + (beats << setup.cols_log2)
    return addr >= setup.write_base and end <= setup.write_limit


@compiled
def may_read(setup, addr, beats):
    """Whether a read burst lies in the read range or in the write range."""
    end = addr + (beats << setup.cols_log2)
    return (addr >= setup.read_base and end <= setup.read_limit) or may_write(setup, addr, beats)


@compiled
def read_fails(setup, addr):
    """Whether the memory answers a read beat that the word at ``addr`` lies in, or that is part of
    it, with an error."""
    size = max(setup.cols, setup.bus)
    addr &= -size
    if addr >= setup.memory_bytes:
        return True
    return (
        setup.read_error_response != 0
        and addr < setup.read_error_high
        and addr + size > setup.read_error_low
    )


@compiled
def write_fails(setup, addr):
    """Whether the memory answers a write beat that the word at ``addr`` lies in, or that is part of
    it, with an error."""
    size = max(setup.cols, setup.bus)
    addr &= -size
    if addr >= setup.memory_bytes:
        return True
    return (
        setup.write_error_response != 0
        and addr < setup.write_error_high
        and addr + size > setup.write_error_low
    )
