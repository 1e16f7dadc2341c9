"""The register map of the AXI4-Lite port, the fault codes and the performance counters, as data."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from hw.spec.fingerprint import LAST_LINE, LINE_BITS, PART_BITS, PARTS
from hw.spec.isa import COMMAND_ALIGN
from hw.spec.timing import BURST_BOUNDARY, WATCHDOG

PROGRAM_ALIGN = COMMAND_ALIGN
"""A program's address and size are multiples of this."""


def misaligned(address: int, size: int, base: int) -> bool:
    """Whether a program of ``size`` bytes at ``address`` from ``base`` is the fault MISALIGNED."""
    return (address | size) % PROGRAM_ALIGN != 0 or base % BURST_BOUNDARY != 0


class Fault(enum.IntEnum):
    """Reason why a program stopped; 0 while it has not."""

    NONE = 0
    ILLEGAL_OPCODE = 1
    ILLEGAL_FIELD = 2
    ADDRESS_RANGE = 3
    FETCH_ERROR = 4
    READ_ERROR = 5
    WRITE_ERROR = 6
    SCRATCHPAD_RANGE = 7
    NO_END = 8
    TIMEOUT = 9
    WRONG_MACHINE = 10
    MISALIGNED = 11


FAULT_DOC = {
    Fault.NONE: "no fault",
    Fault.ILLEGAL_OPCODE: "the command's opcode does not exist",
    Fault.ILLEGAL_FIELD: (
        "a field of the command has a value that is not allowed, or a reserved bit is set"
    ),
    Fault.ADDRESS_RANGE: "the command accesses memory outside the address ranges",
    Fault.FETCH_ERROR: "the memory answered a command fetch with an error",
    Fault.READ_ERROR: "the memory answered a LOAD's read with an error",
    Fault.WRITE_ERROR: "the memory answered a STORE's write with an error",
    Fault.SCRATCHPAD_RANGE: "the command accesses a line beyond the scratchpad",
    Fault.NO_END: "the program ended without an END command",
    Fault.TIMEOUT: f"nothing moved for {WATCHDOG} cycles: a command waits for what cannot happen, "
    "or the memory does not answer",
    Fault.WRONG_MACHINE: "the program is for a machine with another fingerprint, or with more "
    "scratchpad lines",
    Fault.MISALIGNED: (
        f"program_addr or program_size is no multiple of {PROGRAM_ALIGN}, or base none of "
        f"{BURST_BOUNDARY}"
    ),
}


class Counter(enum.IntEnum):
    """Performance counters. The first nine share out every cycle of a run: exactly one counts in
    each."""

    BUSY_NETWORK = 0
    BUSY_OTHER = 1
    STALL_OPERAND = 2
    STALL_WEIGHT = 3
    STALL_DRAIN = 4
    WAIT_LOAD = 5
    WAIT_STORE = 6
    WAIT_EXECUTE = 7
    WAIT_COMMAND = 8
    OCCUPIED = 9
    READ_BEATS = 10
    WRITE_BEATS = 11
    FETCH_BEATS = 12
    OPERAND_LINES_READ = 13
    WEIGHT_LINES_READ = 14
    OUTPUT_BEATS = 15
    COMMANDS = 16


COUNTER_DOC = {
    Counter.BUSY_NETWORK: (
        "cycles in which the array works for a convolution or fully connected layer"
    ),
    Counter.BUSY_OTHER: "cycles in which the array works for pooling, addition and the like",
    Counter.STALL_OPERAND: "idle cycles while operands are fetched from the scratchpad",
    Counter.STALL_WEIGHT: "idle cycles while weights are fetched from the scratchpad",
    Counter.STALL_DRAIN: "idle cycles while the previous pixel group leaves the accumulators",
    Counter.WAIT_LOAD: "idle cycles in which the next EXECUTE waits for a LOAD",
    Counter.WAIT_STORE: "idle cycles in which the next EXECUTE waits for a STORE",
    Counter.WAIT_EXECUTE: "idle cycles in which the next EXECUTE waits for an earlier one",
    Counter.WAIT_COMMAND: "idle cycles without an EXECUTE command: start, command fetch, tail",
    Counter.OCCUPIED: "multiply-accumulates of occupied array positions in BUSY_NETWORK cycles",
    Counter.READ_BEATS: "read beats of the memory bus, command fetch included",
    Counter.WRITE_BEATS: "write beats of the memory bus",
    Counter.FETCH_BEATS: "read beats of command fetch",
    Counter.OPERAND_LINES_READ: "lines read from the scratchpad into the operand stores",
    Counter.WEIGHT_LINES_READ: "lines read from the scratchpad into the weight store",
    Counter.OUTPUT_BEATS: "beats issued to the post-processor",
    Counter.COMMANDS: "commands dispatched, END included",
}

CYCLE_COUNTERS = tuple(Counter(i) for i in range(9))
COUNTER_BITS = 48


@dataclass(frozen=True)
class BitField:
    """Part of a register: ``width`` bits from bit ``lsb`` on."""

    name: str
    lsb: int
    width: int
    access: str
    doc: str


@dataclass(frozen=True)
class Register:
    """One 32-bit register: byte offset, fields, reset value."""

    name: str
    offset: int
    fields: tuple[BitField, ...]
    doc: str
    reset: int = 0


def _whole(name: str, offset: int, access: str, doc: str, reset: int = 0) -> Register:
    return Register(name, offset, (BitField("value", 0, 32, access, doc),), doc, reset)


ID_VALUE = 0x434E4E31
"""Reset value of ID: "CNN1"."""

_PART_DOC = {
    "format": "Version of commands and data.",
    "cols": "log2 of the channel columns.",
    "rows": "log2 of the pixel lanes; a program with 0 runs on any number of them.",
    "line_words": "log2 of the words of a scratchpad line.",
}

_BASE = (
    _whole("id", 0x000, "ro", "Identification.", ID_VALUE),
    Register(
        "control",
        0x004,
        (
            BitField("start", 0, 1, "wo", "Write 1 to start the program; ignored while busy."),
            BitField(
                "reset",
                1,
                1,
                "wo",
                "Write 1 for a soft reset: outstanding bus transfers end, then commands, counts "
                "of commands and faults are gone. The scratchpad, the performance counters and "
                "the other "
                "registers keep their contents.",
            ),
            BitField("irq_enable", 2, 1, "rw", "Let `done` and `fault` raise the interrupt."),
        ),
        "Control.",
        0b100,
    ),
    Register(
        "status",
        0x008,
        (
            BitField("busy", 0, 1, "ro", "A program runs, or bursts or a soft reset are pending."),
            BitField("done", 1, 1, "rw1c", "The program reached END."),
            BitField(
                "fault", 2, 1, "rw1c", "The program stopped with a fault; also clears fault_code."
            ),
            BitField("fault_code", 8, 8, "ro", "Fault code; the first fault stays."),
        ),
        "Status; done and fault stay until cleared, or until the next start or soft reset.",
    ),
    _whole("fault_index", 0x00C, "ro", "Index of the command at fault, counted from 0."),
    _whole(
        "program_addr",
        0x010,
        "rw",
        f"Place of the program in bytes from `base`, a multiple of {PROGRAM_ALIGN}.",
    ),
    _whole("program_size", 0x014, "rw", f"Bytes of the program, a multiple of {PROGRAM_ALIGN}."),
    _whole("read_base", 0x018, "rw", "First byte that may be read, counted from `base`."),
    _whole("read_limit", 0x01C, "rw", "First byte beyond the read range, counted from `base`."),
    _whole(
        "write_base",
        0x020,
        "rw",
        "First byte that may be written, counted from `base`; it may be read too.",
    ),
    _whole("write_limit", 0x024, "rw", "First byte beyond the write range, counted from `base`."),
    _whole("cycles_lo", 0x028, "ro", "Cycles from the start write to the interrupt, low half."),
    _whole("cycles_hi", 0x02C, "ro", "High half."),
    Register(
        "fingerprint",
        0x030,
        (
            *(
                BitField(name, place, PART_BITS, "ro", _PART_DOC[name])
                for name, place in reversed(PARTS.items())
            ),
            BitField("last_line", LAST_LINE, LINE_BITS, "ro", "The last line of the scratchpad."),
        ),
        "What a program depends on in the machine's configuration; constant. Each command has the "
        "lower half, and the last line that its program may read: the machine must have both.",
    ),
    _whole(
        "base",
        0x034,
        "rw",
        f"Byte address of the memory image, a multiple of {BURST_BOUNDARY}: what all addresses of "
        "the program, `program_addr` and the address ranges count from.",
    ),
)
COUNTER_BASE = 0x100
COUNTER_STRIDE = 8
"""Bytes from one counter to the next; the low half comes first."""


def registers() -> tuple[Register, ...]:
    """Every register, counters included, by offset."""
    counters = []
    for counter in Counter:
        offset = COUNTER_BASE + COUNTER_STRIDE * counter
        name = counter.name.lower()
        counters.append(_whole(f"{name}_lo", offset, "ro", f"Low half: {COUNTER_DOC[counter]}."))
        counters.append(
            _whole(f"{name}_hi", offset + 4, "ro", f"High half: {COUNTER_DOC[counter]}.")
        )
    return _BASE + tuple(counters)


def register(name: str) -> Register:
    """The named register."""
    return next(r for r in registers() if r.name == name)


def offset_of(name: str) -> int:
    """Byte offset of the named register."""
    return register(name).offset


def bit_of(name: str, field: str) -> int:
    """The lowest bit of a field of the named register."""
    return next(f.lsb for f in register(name).fields if f.name == field)


ADDR_WIDTH = 10
"""Bits of an AXI4-Lite byte address."""
