"""Renders the tables of the instruction set and the registers: Markdown pages and a C header.

``python -m hw.spec.docgen`` writes docs/isa.md and docs/registers.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hw.spec import isa, records, regs, rules
from hw.spec.config import AccelConfig
from hw.spec.fingerprint import fingerprint
from hw.spec.timing import BURST_BOUNDARY

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOTICE = (
    "<!-- Written by `python -m hw.spec.docgen`; change the tables in `hw/spec`, not this page. -->"
)

_OPCODE_DOC = {
    isa.Opcode.LOAD: "Copies rows of words, or unpacks pixels, from memory into the scratchpad.",
    isa.Opcode.STORE: "Copies rows of words from the scratchpad into memory.",
    isa.Opcode.EXECUTE: (
        "Computes a layer, or a part of one, from the scratchpad into the scratchpad."
    ),
    isa.Opcode.END: "Ends the program once its waits are met, and raises the interrupt.",
}


def isa_markdown() -> str:
    """The text of docs/isa.md."""
    words = ", ".join(f"{op.name} {isa.COMMAND_WORDS[op]}" for op in isa.Opcode)
    parts = [
        "# Instruction set",
        NOTICE,
        "A program is a list of commands in memory, each a number of little-endian 32-bit words "
        f"({words}); each starts at a multiple of {isa.COMMAND_ALIGN} bytes, right after the one "
        "before it. Bits that no field owns must be 0. Signed fields are two's complement. What "
        "the commands do is in [architecture.md](architecture.md), section 2; which values are "
        "illegal, at the end of this page. A command with another `machine`, or a `last_line` that "
        "the scratchpad does not have, is for another machine and does not run. "
        "Fields that follow from others "
        "must agree with them, as their meanings say, and `out_skip` must be 0 when `dense`: the "
        "machine relies on it, and does not check it. A program has fewer than 2^20 commands of "
        "each unit, which the waits count.",
        _table(
            ("Opcode", "Value", "Words", "Does"),
            (
                (f"`{op.name}`", str(int(op)), str(isa.COMMAND_WORDS[op]), _OPCODE_DOC[op])
                for op in isa.Opcode
            ),
        ),
    ]
    for opcode in isa.Opcode:
        parts += [f"## {opcode.name}", _fields_table(opcode)]
    parts += [
        "## Illegal values",
        "A command is the fault ILLEGAL_FIELD when a bit that no field owns is set, or in one of "
        "these cases.",
        _table(
            ("Opcode", "Illegal"),
            ((f"`{opcode.name}`", text) for opcode in isa.Opcode for text in _illegal(opcode)),
        ),
        "## Channel parameters",
        f"`param_addr` is the place of {records.PARAM_WORDS} scratchpad words for each plane, "
        "padded to whole lines. They hold these values, in this order, each for all `cols` "
        "channels of the plane. Bits of a slot that no value uses are ignored.",
        _parameters_table(),
    ]
    return "\n\n".join(parts) + "\n"


def _fields_table(opcode: isa.Opcode) -> str:
    fields = sorted(isa.FIELDS[opcode], key=lambda f: f.bit)
    return _table(
        ("Word", "Bits", "Field", "Range", "Meaning"),
        (
            (str(f.word), _bits(f.lsb, f.width), f"`{f.name}`", f"{f.low} .. {f.high}", f.doc)
            for f in fields
        ),
    )


def _parameters_table() -> str:
    return _table(
        ("Value", "Words", "Slot", "Range", "Meaning"),
        (
            (f"`{p.name}`", str(p.words), f"{p.slot} bits", f"{p.low} .. {p.high}", p.doc)
            for p in records.CHANNEL_PARAMETERS
        ),
    )


def _illegal(opcode: isa.Opcode) -> Iterable[str]:
    """The cases in which a command is illegal."""
    if names := rules.AT_LEAST_ONE[opcode]:
        yield " or ".join((", ".join(f"`{n}`" for n in names[:-1]), f"`{names[-1]}` 0"))
    yield from (rule.text for rule in rules.RULES[opcode])


def registers_markdown() -> str:
    """The text of docs/registers.md."""
    registers = regs.registers()
    parts = [
        "# Registers",
        NOTICE,
        f"32-bit registers of the AXI4-Lite port ({regs.ADDR_WIDTH} address bits). Access: ro, "
        "read only; wo, write only, reads as 0; rw, read and write; rw1c, read, and cleared by "
        f"writing 1. Counters and cycles are {regs.COUNTER_BITS} bits wide.",
        _table(
            ("Offset", "Register", "Reset", "Description"),
            ((f"`0x{r.offset:03x}`", f"`{r.name}`", _reset(r), r.doc) for r in registers),
        ),
    ]
    for register in registers:
        if len(register.fields) > 1:
            parts.append(f"## {register.name}")
            parts.append(
                _table(
                    ("Bits", "Field", "Access", "Description"),
                    (
                        (_bits(f.lsb, f.width), f"`{f.name}`", f.access, f.doc)
                        for f in register.fields
                    ),
                )
            )
    parts.append("## Fault codes")
    parts.append(
        _table(
            ("Code", "Fault", "Meaning"),
            ((str(int(f)), f"`{f.name}`", regs.FAULT_DOC[f]) for f in regs.Fault),
        )
    )
    parts.append("## Counters")
    parts.append(
        f"Exactly one of the first {len(regs.CYCLE_COUNTERS)} counts in each cycle of a run."
    )
    parts.append(
        _table(
            ("Number", "Counter", "Counts"),
            ((str(int(c)), f"`{c.name}`", regs.COUNTER_DOC[c]) for c in regs.Counter),
        )
    )
    return "\n\n".join(parts) + "\n"


def c_header(config: AccelConfig | None = None) -> str:
    """A C header with register offsets, bit fields, fault codes and counters.

    They are the same for every machine; with a ``config``, its fingerprint is there too.
    """
    lines = [
        "/* Registers of the accelerator. Written by python -m hw generate. */",
        "#ifndef ACCEL_REGS_H",
        "#define ACCEL_REGS_H",
        "",
    ]
    for register in regs.registers():
        name = f"ACCEL_{register.name.upper()}"
        lines.append(_define(name, f"0x{register.offset:03x}u"))
        if len(register.fields) > 1:
            for f in register.fields:
                lines.append(_define(f"{name}_{f.name.upper()}_SHIFT", str(f.lsb)))
                lines.append(
                    _define(
                        f"{name}_{f.name.upper()}_MASK", f"0x{((1 << f.width) - 1) << f.lsb:08x}u"
                    )
                )
    lines.append("")
    lines.append(_define("ACCEL_ID_VALUE", f"0x{regs.ID_VALUE:08x}u"))
    lines.extend(_define(f"ACCEL_FAULT_{f.name}", str(int(f))) for f in regs.Fault)
    lines.extend(_define(f"ACCEL_COUNTER_{c.name}", str(int(c))) for c in regs.Counter)
    lines.append(_define("ACCEL_COUNTERS", str(len(regs.Counter))))
    lines.append(_define("ACCEL_COUNTER_BASE", f"0x{regs.COUNTER_BASE:03x}u"))
    lines.append(_define("ACCEL_COUNTER_STRIDE", f"{regs.COUNTER_STRIDE}u"))
    lines.append(_define("ACCEL_PROGRAM_ALIGN", f"{regs.PROGRAM_ALIGN}u"))
    lines.append(_define("ACCEL_BASE_ALIGN", f"{BURST_BOUNDARY}u"))
    lines.append(_define("ACCEL_FINGERPRINT_BYTE", f"{isa.FINGERPRINT_BYTE}u"))
    if config is not None:
        lines.append(_define("ACCEL_FINGERPRINT_VALUE", _fingerprint(config)))
    return "\n".join([*lines, "", "#endif", ""])


def c_machine_header(config: AccelConfig, prefix: str) -> str:
    """A C header with what is not the same for every machine, under names of its own.

    The prefix keeps its case, and no name is one of regs.h, whatever the prefix.
    """
    lines = [
        "/* Of one machine among several. Written by python -m hw generate. */",
        f"#ifndef {prefix}MACHINE_REGS_H",
        f"#define {prefix}MACHINE_REGS_H",
        "",
        '#include "regs.h"',
        "",
        _define(f"{prefix}MACHINE_FINGERPRINT", _fingerprint(config)),
    ]
    return "\n".join([*lines, "", "#endif", ""])


def _fingerprint(config: AccelConfig) -> str:
    return f"0x{fingerprint(config):08x}u"


def pages() -> dict[Path, str]:
    """The generated pages by path."""
    return {DOCS / "isa.md": isa_markdown(), DOCS / "registers.md": registers_markdown()}


def _reset(register: regs.Register) -> str:
    return "its own" if register.name == "fingerprint" else f"`0x{register.reset:x}`"


def _define(name: str, value: str) -> str:
    return f"#define {name} {value}"


def _bits(lsb: int, width: int) -> str:
    return str(lsb) if width == 1 else f"{lsb + width - 1}:{lsb}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def main() -> None:
    """Write the pages that differ from what the tables say."""
    for path, text in pages().items():
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    main()
