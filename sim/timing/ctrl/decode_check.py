"""The program as the step functions see it: every command decoded once, into integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hw.spec import fingerprint, isa, rules
from hw.spec.bit_fields import WORD_BITS
from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from hw.spec.regs import Fault

FIELD_COLUMNS = max(len(fields) for fields in isa.FIELDS.values())
_OPCODE_MASK = (1 << isa.OPCODE_BITS) - 1
_SLOT_BYTES = isa.COMMAND_ALIGN
_SLOT_WORDS = _SLOT_BYTES // 4
_LONGEST = max(isa.COMMAND_WORDS.values())

_COLUMNS = {
    opcode: {field.name: i for i, field in enumerate(fields)}
    for opcode, fields in isa.FIELDS.items()
}


class Commands(NamedTuple):
    """The n commands of a program up to its END, or to the first of unknown opcode."""

    opcodes: np.ndarray
    """int64 [n]."""
    fields: np.ndarray
    """int64 [n, FIELD_COLUMNS]: columns are positions in ``isa.FIELDS[opcode]``."""
    beats: np.ndarray
    """int64 [n]: bus beats of the command."""
    codes: np.ndarray
    """int64 [n]: the fault that the command raises when it is fetched, or 0."""
    loads: np.ndarray
    """int64: indices of the LOADs, in order."""
    executes: np.ndarray
    """int64: indices of the EXECUTEs, in order."""
    stores: np.ndarray
    """int64: indices of the STOREs, in order."""


def decode(
    image: bytes | np.ndarray, program_addr: int, program_size: int, config: AccelConfig
) -> Commands:
    """Decode the program of ``program_size`` bytes at ``program_addr`` of a memory image.

    Both are multiples of PROGRAM_ALIGN, or no command will run. Bytes beyond the image are 0. A
    last command that the program's end cuts off is decoded as if zeros followed; it is never
    complete.
    """
    slots = program_size // _SLOT_BYTES
    raw = np.zeros((slots + _LONGEST // _SLOT_WORDS) * _SLOT_BYTES, np.uint8)
    part = np.frombuffer(image, np.uint8) if isinstance(image, bytes) else image
    part = part[program_addr : program_addr + slots * _SLOT_BYTES]
    raw[: len(part)] = part
    words = raw.view("<u4").astype(np.int64)

    starts = _starts((words[::_SLOT_WORDS] & _OPCODE_MASK)[:slots])
    encoded = words[starts[:, None] * _SLOT_WORDS + np.arange(_LONGEST)]
    opcodes = encoded[:, 0] & _OPCODE_MASK
    count = len(starts)
    fields = np.zeros((count, FIELD_COLUMNS), np.int64)
    beats = np.ones(count, np.int64)
    codes = np.full(count, int(Fault.ILLEGAL_OPCODE), np.int64)
    for opcode in Opcode:
        rows = np.flatnonzero(opcodes == opcode)
        fields[rows, : len(isa.FIELDS[opcode])] = _fields(opcode, encoded[rows])
        beats[rows] = isa.COMMAND_WORDS[opcode] * 4 // config.cols
        bad = _illegal(opcode, encoded[rows], config)
        codes[rows] = np.where(bad, int(Fault.ILLEGAL_FIELD), 0)
        machine, last_line = (fields[rows, _COLUMNS[opcode][name]] for name in isa.MACHINE_FIELDS)
        codes[rows[~fingerprint.accepts(config, machine, last_line)]] = int(Fault.WRONG_MACHINE)
    lists = [np.flatnonzero(opcodes == op) for op in (Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE)]
    return Commands(opcodes, fields, beats, codes, *lists)


def other_machine(commands: Commands, index: int, config: AccelConfig) -> str:
    """Text: the machine that the command at ``index`` is for, and the machine at hand."""
    column = _COLUMNS[Opcode(commands.opcodes[index])]
    machine, last_line = (int(commands.fields[index][column[n]]) for n in isa.MACHINE_FIELDS)
    wanted = fingerprint.text(machine | last_line << fingerprint.LAST_LINE)
    return f"it is for {wanted}; here are {fingerprint.text(fingerprint.fingerprint(config))}"


def assembled(rows: Sequence[tuple[Opcode, Mapping[str, int]]], config: AccelConfig) -> Commands:
    """The commands as ``decode`` gives them from their encoding, END the last.

    Each is its opcode and its fields by name, those left out 0. They must be legal.
    """
    opcodes = np.array([opcode for opcode, _ in rows], np.int64)
    fields = np.zeros((len(rows), FIELD_COLUMNS), np.int64)
    for row, (opcode, values) in zip(fields, rows, strict=True):
        columns = _COLUMNS[opcode]
        row[0] = opcode
        for name, value in values.items():
            row[columns[name]] = value
    words = np.array([isa.COMMAND_WORDS[opcode] for opcode, _ in rows], np.int64)
    lists = [np.flatnonzero(opcodes == op) for op in (Opcode.LOAD, Opcode.EXECUTE, Opcode.STORE)]
    codes = np.zeros(len(rows), np.int64)
    return Commands(opcodes, fields, words * 4 // config.cols, codes, *lists)


def _starts(opcodes: np.ndarray) -> np.ndarray:
    """Slots at which commands begin, given what each slot would say as a first one."""
    starts = []
    slot = 0
    while slot < len(opcodes):
        starts.append(slot)
        opcode = int(opcodes[slot])
        if opcode not in isa.COMMAND_WORDS or opcode == Opcode.END:
            break
        slot += isa.COMMAND_WORDS[opcode] // _SLOT_WORDS
    return np.array(starts, np.int64)


def _fields(opcode: Opcode, words: np.ndarray) -> np.ndarray:
    columns = []
    for field in isa.FIELDS[opcode]:
        value = (words[:, field.word] >> field.lsb) & ((1 << field.width) - 1)
        if field.signed:
            value = np.where(value > field.high, value - (1 << field.width), value)
        columns.append(value)
    return np.stack(columns, axis=1)


def _illegal(opcode: Opcode, words: np.ndarray, config: AccelConfig) -> np.ndarray:
    """Whether each command has reserved bits set or a field value that is not allowed."""
    reserved = isa.reserved_mask(opcode)
    bad = np.zeros(len(words), bool)
    for i in range(isa.COMMAND_WORDS[opcode]):
        bad |= (words[:, i] & (reserved >> (WORD_BITS * i) & 0xFFFFFFFF)) != 0
    values = _fields(opcode, words)
    fields = {field.name: values[:, i] for i, field in enumerate(isa.FIELDS[opcode])}
    for name in rules.AT_LEAST_ONE[opcode]:
        bad |= fields[name] == 0
    if fields.keys() >= set(rules.UNALIGNED):
        unaligned = [fields[name] % config.cols != 0 for name in rules.UNALIGNED]
        fields["unaligned"] = np.any(unaligned, axis=0)
    for rule in rules.RULES[opcode]:
        bad |= rule.broken(fields, config) != 0
    return bad
