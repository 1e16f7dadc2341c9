"""What goes wrong when one thing in the program of tests.support.fault_programs changes."""

from __future__ import annotations

from collections.abc import Iterator

from hw.spec import isa
from hw.spec.fingerprint import PARTS, machine
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from hw.spec.timing import WEIGHT_RING
from hw.tools.cosim.run_spec import ErrorRegion
from tests.support.fault_programs import (
    ADDRESS_RANGES,
    BEYOND,
    CHANNELS,
    CONFIG,
    CONSTANTS,
    CONV,
    DATA,
    END,
    EXECUTES,
    LOADS,
    PLANE,
    PROGRAM,
    RESULT,
    WIDTH,
    WORD,
    FaultCase,
    changed,
    encode,
    offset,
    whole_program,
)


def _flipped(place: int, bits: int) -> bytes:
    """The whole program with some bits of one command inverted."""
    code = encode(whole_program())
    at = offset(place)
    size = 4 * isa.COMMAND_WORDS[whole_program()[place][0]]
    value = int.from_bytes(code[at : at + size], "little") ^ bits
    return code[:at] + value.to_bytes(size, "little") + code[at + size :]


def fault_cases() -> list[FaultCase]:
    """Every fault in its varieties but TIMEOUT; each program has only the one."""
    makers = (
        _bus_errors,
        _opcodes,
        _machines,
        _fields,
        _reserved_bits,
        _dma_address_ranges,
        _program_address_ranges,
        _scratchpad_ranges,
        _overlaps,
        _ends,
        _misaligned,
    )
    return [case for make in makers for case in make()]


def _bus_errors() -> Iterator[FaultCase]:
    whole = encode(whole_program())
    loads = [whole_program()[i][1]["dram_addr"] for i in LOADS]
    reads = [(Fault.FETCH_ERROR, place, PROGRAM + offset(place)) for place in range(8)]
    reads += [(Fault.READ_ERROR, place, addr) for place, addr in zip(LOADS, loads, strict=True)]
    reads.append((Fault.READ_ERROR, 2, loads[2] + (2 * PLANE - 1) * WORD))
    writes = [(Fault.WRITE_ERROR, 5, RESULT + 0x80), (Fault.WRITE_ERROR, 6, RESULT + 0x600)]
    writes += [
        (Fault.WRITE_ERROR, 6, addr)
        for addr in (RESULT + 0x400, RESULT + 0x600 + (PLANE - 1) * WORD)
    ]
    for kind, list_ in (("read_error", reads), ("write_error", writes)):
        for resp in (2, 3):
            for fault, index, addr in list_:
                name = f"{fault.name} of {addr:#x}, response {resp}"
                error = ErrorRegion(addr + 1, addr + 2, resp)
                yield FaultCase(name, fault, index, whole, errors={kind: error})
    last = PROGRAM + offset(4) + 31 * 4
    error = {"read_error": ErrorRegion(last, last + 4)}
    yield FaultCase("end of an EXECUTE", Fault.FETCH_ERROR, 4, whole, errors=error)


def _opcodes() -> Iterator[FaultCase]:
    fault = Fault.ILLEGAL_OPCODE
    for opcode in (0, *range(5, 16)):
        yield FaultCase(f"opcode {opcode}", fault, 0, bytes([opcode]) + bytes(63))
    whole = whole_program()
    for place in (1, 3, 4, 6, 7):
        yield FaultCase(f"opcode 15 at {place}", fault, place, encode(whole[:place]) + b"\xff" * 64)


OWN = machine(CONFIG)
"""The machine's own fingerprint; a part is four bits."""


def _machines() -> Iterator[FaultCase]:
    """Fingerprints that differ in one part, or ask for more lines than there are."""
    others = [OWN + (1 << place) for place in PARTS.values()] + [OWN - 16, OWN - 4096, 0, 0xFFFF]
    changes = [{"machine": value} for value in others]
    changes += [{"last_line": line} for line in (CONFIG.scratchpad_lines, 0xFFFF)]
    for number, fields in enumerate(changes):
        for place in (0, (3, 5, END)[number % 3]):
            text = ", ".join(f"{name} {value:#x}" for name, value in fields.items())
            name = f"{text} at {place}"
            yield FaultCase(name, Fault.WRONG_MACHINE, place, changed(place, **fields))
    alone = encode([(Opcode.END, {"machine": 0})])
    yield FaultCase("another machine's END", Fault.WRONG_MACHINE, 0, alone)
    fields = {"machine": 0, "row_count": 0}
    yield FaultCase("illegal, too", Fault.WRONG_MACHINE, 0, changed(0, **fields))


_LOAD_FIELDS = (
    (0, {"row_count": 0}),
    (0, {"row_length": 0}),
    (1, {"row_count": 0}),
    (1, {"row_length": 0}),
    (1, {"channels": 0}),
    (0, {"dram_addr": DATA + 1}),
    (0, {"dram_addr": DATA + 2}),
    (2, {"dram_stride": WORD // 2}),
)
_STORE_FIELDS = (
    (5, {"row_count": 0}),
    (5, {"row_length": 0}),
    (5, {"dram_addr": RESULT + 1}),
    (6, {"dram_stride": 3}),
)
_COUNTS = (
    "pixels",
    "in_blocks",
    "kernel_rows",
    "tap_groups",
    "group_taps",
    "last_taps",
    "out_blocks",
    "last_planes",
    "last_cols",
    "last_channels",
    "out_width",
    "in_width",
    "in_height",
)
_EXECUTE_FIELDS = (
    {"array_shape": 3},
    {"array_shape": 3, "last_planes": 4},
    {"resident": 1, "weight_lines": WEIGHT_RING + 1},
    {"last_planes": 2},
    {"array_shape": 1, "last_planes": 3},
    {"array_shape": 2, "last_planes": 5},
    {"last_channels": CONFIG.cols + 1},
    {"last_channels": 127},
    {"last_cols": CONFIG.cols + 1},
    {"split": 1},
    {"split": 1, "last_channels": CONFIG.cols // 2 + 1},
    {"split": CONFIG.cols.bit_length(), "last_channels": 1},
    {"split": 7, "last_channels": 1},
    {"group_span": CONFIG.line_words + 1},
    {"last_span": CONFIG.line_words + 1},
    {"last_span": 15},
    {"maximum": 1},
    {"weight_lines": 0},
)


def _fields() -> Iterator[FaultCase]:
    changes = [*_LOAD_FIELDS, *_STORE_FIELDS]
    changes += [(3, {name: 0}) for name in _COUNTS] + [(4, dict(f)) for f in _EXECUTE_FIELDS]
    for place, fields in changes:
        text = ", ".join(f"{name} {value}" for name, value in fields.items())
        name = f"{text} at {place}"
        yield FaultCase(name, Fault.ILLEGAL_FIELD, place, changed(place, **fields))


def _reserved_bits() -> Iterator[FaultCase]:
    for place in (0, 5, 3, END):
        mask = isa.reserved_mask(whole_program()[place][0])
        for bit in (mask & -mask, 1 << mask.bit_length() - 1):
            name = f"reserved bit {bit.bit_length() - 1} at {place}"
            yield FaultCase(name, Fault.ILLEGAL_FIELD, place, _flipped(place, bit))


def _dma_address_ranges() -> Iterator[FaultCase]:
    _, read_limit, write_base, write_limit = ADDRESS_RANGES
    size, length = CONSTANTS * WORD, 2 * PLANE * WORD
    changes = (
        (0, {"dram_addr": 0}, "before the read range"),
        (0, {"dram_addr": PROGRAM - WORD}, "into the read range"),
        (0, {"dram_addr": read_limit}, "behind the read range"),
        (0, {"dram_addr": read_limit - size + WORD}, "out of the read range"),
        (0, {"dram_addr": write_limit - size + WORD}, "out of the write range"),
        (0, {"dram_addr": 0xFFFFFC00}, "at the end of addresses"),
        (1, {"dram_addr": read_limit - PLANE * CHANNELS + 1}, "one byte, unpacking"),
        (2, {"dram_stride": 0x3000}, "second run"),
        (2, {"dram_stride": 0xFFFFBE00}, "second run, backwards"),
        (5, {"dram_addr": DATA}, "write into the read range"),
        (5, {"dram_addr": write_base - WORD}, "into the write range"),
        (5, {"dram_addr": write_limit - length + WORD}, "out of the write range"),
        (5, {"dram_addr": write_limit}, "behind the write range"),
        (5, {"dram_addr": 0xFFFFFF00}, "at the end of addresses"),
        (6, {"dram_stride": 0x1000}, "second run"),
    )
    for place, fields, text in changes:
        yield FaultCase(f"{text} by {place}", Fault.ADDRESS_RANGE, place, changed(place, **fields))


def _program_address_ranges() -> Iterator[FaultCase]:
    whole, (_, read_limit, write_base, write_limit) = encode(whole_program()), ADDRESS_RANGES
    fault = Fault.ADDRESS_RANGE
    for addr in (0, PROGRAM - 64, read_limit, write_limit, 0xFFFFFFC0):
        yield FaultCase(f"program at {addr:#x}", fault, 0, whole, addr=addr)
    address_ranges = (PROGRAM, PROGRAM + 64, write_base, write_limit)
    yield FaultCase("window of 64 bytes", fault, 0, whole, address_ranges=address_ranges)
    address_ranges = (PROGRAM, PROGRAM, write_base, write_limit)
    yield FaultCase("empty window", fault, 0, whole, address_ranges=address_ranges)
    no_end = encode([whole_program()[0]] * 20)
    address_ranges = (DATA, read_limit, PROGRAM, PROGRAM + 1024)
    yield FaultCase(
        "program longer than its window",
        fault,
        11,
        no_end,
        size=2048,
        address_ranges=address_ranges,
    )


def _scratchpad_ranges() -> Iterator[FaultCase]:
    changes = [
        (0, {"scratchpad_addr": BEYOND}),
        (0, {"scratchpad_addr": BEYOND - 8}),
        (0, {"scratchpad_addr": 0xFFFFF}),
        (1, {"plane": BEYOND}),
        (1, {"scratchpad_addr": BEYOND - 1}),
        (2, {"scratchpad_stride": BEYOND}),
        (5, {"scratchpad_addr": BEYOND}),
        (5, {"scratchpad_addr": BEYOND - 2 * PLANE + 1}),
        (6, {"scratchpad_stride": BEYOND}),
        (6, {"scratchpad_stride": 0xFF000}),
    ]
    for place in EXECUTES:
        for name in ("in_addr", "out_addr", "res_addr", "table_addr"):
            changes += [(place, {name: BEYOND}), (place, {name: BEYOND - 9})]
        changes += [
            (place, {name: CONFIG.scratchpad_lines}) for name in ("weight_addr", "param_addr")
        ]
        changes += [(place, {name: BEYOND}) for name in ("in_plane", "out_plane", "res_plane")]
        changes += [
            (place, {"weight_addr": CONFIG.scratchpad_lines - CONV["weight_lines"] - 1}),
            (place, {"param_addr": CONFIG.scratchpad_lines - 2 * CONFIG.param_lines + 1}),
            (place, {"in_block_step": BEYOND}),
            (place, {"in_addr": 0xFFFF0}),
        ]
    for place, fields in changes:
        text = ", ".join(f"{name} {value}" for name, value in fields.items())
        name = f"{text} at {place}"
        yield FaultCase(name, Fault.SCRATCHPAD_RANGE, place, changed(place, **fields))


_SHORT = {
    "pixels": 4,
    "kernel_rows": 1,
    "group_taps": 1,
    "last_taps": 1,
    "group_span": 0,
    "last_span": 0,
    "group_step": 1,
    "in_blocks": 1,
    "start_x": 0,
    "start_y": 0,
    "start_row": 0,
    "end_x": WIDTH,
    "weight_lines": 1,
}


def _overlaps() -> Iterator[FaultCase]:
    """The second EXECUTE reads its operands while the first is at work, or the other way round."""
    names = ("in_addr", "weight_addr", "param_addr", "table_addr", "res_addr", "out_addr")
    for name in names:
        value = CONFIG.scratchpad_lines if name in ("weight_addr", "param_addr") else BEYOND
        for blocks in (1, 2):
            for place in EXECUTES:
                commands = whole_program()
                first, second = CONV | _SHORT | {"out_blocks": blocks}, CONV
                fields = [dict(first), dict(second)]
                fields[place - EXECUTES[0]][name] = value
                for at, changed_fields in zip(EXECUTES, fields, strict=True):
                    commands[at] = (Opcode.EXECUTE, changed_fields)
                text = f"{name} at {place}, overlapping, {blocks} blocks"
                yield FaultCase(text, Fault.SCRATCHPAD_RANGE, place, encode(commands))


def _ends() -> Iterator[FaultCase]:
    whole = encode(whole_program())
    fault = Fault.NO_END
    yield FaultCase("no program", fault, 0, b"")
    for place in (1, 3, 4, END):
        yield FaultCase(f"cut before {place}", fault, place, whole[: offset(place)])
    yield FaultCase("cut in an EXECUTE", fault, 4, whole[: offset(4) + 64])


def _misaligned() -> Iterator[FaultCase]:
    """Places that are no multiple of PROGRAM_ALIGN, whatever lies there."""
    whole, fault = encode(whole_program()), Fault.MISALIGNED
    for addr in (PROGRAM + 1, PROGRAM + 4, PROGRAM + 32, PROGRAM - 4, 0x44, 0xFFFFFFFF):
        yield FaultCase(f"program at {addr:#x}", fault, 0, whole, addr=addr)
    for size in (1, 63, len(whole) - 1, len(whole) + 32):
        yield FaultCase(f"{size} bytes", fault, 0, whole, size=size)
    for base in (1, 0x40, 0x800, 0x4000_0FFF, 0xFFFF_F800):
        yield FaultCase(f"image at {base:#x}", fault, 0, whole, base=base)


def timeouts() -> list[FaultCase]:
    """Programs with waits that are never met."""
    whole = whole_program()
    endless = [(Opcode.LOAD, whole[0][1] | {"wait_store": 1})]
    held = CONFIG.queue_depth + 1
    return [
        FaultCase("EXECUTE", Fault.TIMEOUT, END, changed(3, wait_load=4)),
        FaultCase("STORE for itself", Fault.TIMEOUT, END, changed(5, wait_store=1)),
        FaultCase("END", Fault.TIMEOUT, END, changed(END, wait_execute=(1 << 20) - 1)),
        FaultCase("full queue", Fault.TIMEOUT, held - 1, encode(endless * (held + 2) + whole)),
    ]


def legal_changes() -> Iterator[tuple[str, bytes]]:
    """Programs that come close to a fault and have none."""
    read_limit, write_base, write_limit = ADDRESS_RANGES[1:]
    size, length = CONSTANTS * WORD, 2 * PLANE * WORD
    changes = (
        (0, {"dram_addr": PROGRAM}),
        (0, {"dram_addr": read_limit - size}),
        (0, {"dram_addr": write_base}),
        (0, {"dram_addr": write_limit - size}),
        (1, {"dram_addr": read_limit - PLANE * CHANNELS}),
        (2, {"dram_stride": 0xFFFFFF00}),
        (2, {"scratchpad_stride": (1 << 20) - PLANE}),
        (5, {"dram_addr": write_base}),
        (5, {"dram_addr": write_limit - length}),
        (5, {"scratchpad_addr": BEYOND - 2 * PLANE}),
        (4, {"in_addr": BEYOND - 2 * PLANE}),
        (4, {"out_addr": BEYOND - 2 * PLANE}),
        (4, {"res_addr": BEYOND - 2 * PLANE}),
        (4, {"table_addr": BEYOND - 64}),
        (4, {"weight_addr": CONFIG.scratchpad_lines - 2 * CONV["weight_lines"]}),
        (4, {"param_addr": CONFIG.scratchpad_lines - 2 * CONFIG.param_lines}),
        (0, {"machine": OWN & ~0xF0}),
        (3, {"machine": OWN & ~0xF0}),
        (END, {"last_line": 0}),
        (4, {"group_span": CONFIG.line_words}),
        (4, {"split": 1, "last_channels": CONFIG.cols // 2}),
        (4, {"resident": 1, "weight_lines": WEIGHT_RING, "last_channels": 3, "in_blocks": 1}),
    )
    for place, fields in changes:
        text = ", ".join(f"{name} {value}" for name, value in fields.items())
        yield f"{text} at {place}", changed(place, **fields)
