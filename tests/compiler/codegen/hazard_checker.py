"""An independent check of a program's waits.

From the encoded commands alone: which words each command reads and writes, one by one, and which
earlier commands are sure to be complete when it starts, however early or late each unit runs. A
unit starts its commands in order, so what an earlier command of the unit waited for is complete,
and so is all that a completed command waited for.
"""

from __future__ import annotations

import itertools

from hw.spec.config import AccelConfig
from hw.spec.isa import COMMAND_WORDS, Opcode, decode_fields

Clock = dict[Opcode, int]
UNITS = (Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE)


def decode(code: bytes) -> list[tuple[Opcode, dict[str, int]]]:
    """The commands of a program."""
    commands, place = [], 0
    while place < len(code):
        opcode = Opcode(code[place] & 15)
        commands.append((opcode, decode_fields(opcode, code[place:])))
        place += COMMAND_WORDS[opcode] * 4
    return commands


def hazards(code: bytes, config: AccelConfig) -> list[str]:
    """Every access that may come too early or too late, in words."""
    done: dict[tuple[Opcode, int], Clock] = {}
    known: Clock = dict.fromkeys(UNITS, 0)
    count: Clock = dict.fromkeys(UNITS, 0)
    front: dict[Opcode, Clock] = {u: dict.fromkeys(UNITS, 0) for u in UNITS}
    readers: dict[tuple, Clock] = {}
    writers: dict[tuple, Clock] = {}
    found = []
    for opcode, fields in decode(code):
        waits = {u: fields[f"wait_{u.name.lower()}"] for u in UNITS}
        if any(waits[u] > count[u] for u in UNITS):
            found.append(f"{opcode.name} waits for a later command")
            continue
        if opcode == Opcode.END:
            known = waits
            continue
        clock = dict(front[opcode])
        for unit, number in waits.items():
            clock[unit] = max(clock[unit], number)
            for other, level in done.get((unit, number), {}).items():
                clock[other] = max(clock[other], level)
        front[opcode] = clock
        count[opcode] += 1
        name = f"{opcode.name} {count[opcode]}"
        reads, writes = accesses(opcode, fields, config)
        for word in reads:
            found += _unmet(name, "reads", word, writers.get(word, {}), clock, opcode)
            readers.setdefault(word, {})[opcode] = count[opcode]
        for word in writes:
            for earlier in (readers, writers):
                levels = {u: n for u, n in earlier.get(word, {}).items() if u != opcode}
                found += _unmet(name, "writes", word, levels, clock, opcode)
            writers.setdefault(word, {})[opcode] = count[opcode]
        done[opcode, count[opcode]] = dict(clock)
    if any(known[u] != count[u] for u in UNITS):
        found.append("END does not wait for everything")
    return found


def _unmet(
    name: str, verb: str, word: tuple, levels: Clock, clock: Clock, unit: Opcode
) -> list[str]:
    """The commands in ``levels`` that need not be complete; a DMA unit keeps its own order."""
    return [
        f"{name} {verb} {word} beside {other.name} {number}"
        for other, number in levels.items()
        if number > clock[other] and (other != unit or unit == Opcode.EXECUTE)
    ]


def accesses(
    opcode: Opcode, f: dict[str, int], config: AccelConfig
) -> tuple[set[tuple], set[tuple]]:
    """Words read and written: ``("scratchpad", word)`` and ``("memory", word)``."""
    if opcode == Opcode.EXECUTE:
        return _execute(f, config)
    cols = config.cols
    scratchpad, memory = set(), set()
    planes = -(-f["channels"] // cols) if f.get("unpack") else 1
    size = f["row_length"] * (f["channels"] if f.get("unpack") else cols)
    for run in range(f["row_count"]):
        address = f["scratchpad_addr"] + run * f["scratchpad_stride"]
        for plane, word in itertools.product(range(planes), range(f["row_length"])):
            scratchpad.add(("scratchpad", address + plane * f.get("plane", 0) + word))
        start = f["dram_addr"] + run * f["dram_stride"]
        memory |= {("memory", w) for w in range(start // cols, -(-(start + size) // cols))}
    return (memory, scratchpad) if opcode == Opcode.LOAD else (scratchpad, memory)


def _execute(f: dict[str, int], config: AccelConfig) -> tuple[set[tuple], set[tuple]]:
    planes = ((f["out_blocks"] - 1) << f["array_shape"]) + f["last_planes"]
    rows = f["pixels"] // f["out_width"]
    reads = _operands(f, rows)
    line = config.line_words
    reads |= _words(f["param_addr"] * line, planes * config.param_lines * line)
    if not f["ones"]:
        lines = f["out_blocks"] * f["weight_lines"]
        reads |= _words(f["weight_addr"] * line, lines * line)
    if f["table"]:
        reads |= _words(f["table_addr"], 256 // config.cols)
    places = [
        plane * f["out_plane"] + y * (f["out_width"] + f["out_skip"]) + x
        for plane, y, x in itertools.product(range(planes), range(rows), range(f["out_width"]))
    ]
    writes = {("scratchpad", f["out_addr"] + place) for place in places}
    if f["residual"]:
        assert f["out_plane"] == f["res_plane"] or planes == 1 or f["res_plane"] > 0
        for plane, y, x in itertools.product(range(planes), range(rows), range(f["out_width"])):
            row = y * (f["out_width"] + f["out_skip"]) + x
            reads.add(("scratchpad", f["res_addr"] + plane * f["res_plane"] + row))
    return reads, writes


def _operands(f: dict[str, int], rows: int) -> set[tuple]:
    taps = (f["tap_groups"] - 1) * f["group_taps"] + f["last_taps"]
    ys = {
        f["start_y"] + oy * f["wrap_y"] + r * f["row_dilation"]
        for oy in range(rows)
        for r in range(f["kernel_rows"])
    }
    xs = {
        f["start_x"] + ox * f["col_stride"] + t * f["col_dilation"]
        for ox in range(f["out_width"])
        for t in range(taps)
    }
    bases = {
        f["in_addr"] + o * f["in_block_step"] + b * f["in_plane"]
        for o in range(f["out_blocks"])
        for b in range(f["in_blocks"])
    }
    return {
        ("scratchpad", base + y * f["in_row"] + x)
        for base in bases
        for y in ys
        if 0 <= y < f["in_height"]
        for x in xs
        if 0 <= x < f["in_width"]
    }


def _words(first: int, count: int) -> set[tuple]:
    return {("scratchpad", w) for w in range(first, first + count)}
