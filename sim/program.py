"""Reads a mapped network: the memory image, its command list and what the compiler says about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw.spec import isa
from hw.spec.config import AccelConfig, ConfigurationError, from_dict
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from hw.spec.timing import WEIGHT_RING
from sim.values.state import CommandFault, Windows

_AT_LEAST_ONE = {
    Opcode.LOAD: ("runs", "length"),
    Opcode.STORE: ("runs", "length"),
    Opcode.EXECUTE: (
        *("pixels", "in_blocks", "kernel_rows", "groups", "group_taps", "last_taps", "blocks"),
        *("last_planes", "last_cols", "last_channels", "out_width", "in_width", "in_height"),
    ),
    Opcode.END: (),
}
MAX_SPAN = 8
"""Columns from the first to the last tap of a group, at most."""


class ProgramError(ValueError):
    """A folder does not hold a mapped network; the message names the file and what is wrong."""


@dataclass(frozen=True)
class Command:
    """One command: its opcode and fields, and its number in the program."""

    opcode: Opcode
    fields: dict[str, int]
    index: int


@dataclass(frozen=True)
class Program:
    """A mapped network.

    ``image`` is the memory from address 0, uint8. ``commands`` run up to END, or up to the one
    that raises ``fault``. ``mapping`` is the content of mapping.json.
    """

    config: AccelConfig
    image: np.ndarray
    windows: Windows
    commands: tuple[Command, ...]
    fault: CommandFault | None
    mapping: dict[str, Any]


def decode_program(
    image: np.ndarray, address: int, size: int, config: AccelConfig
) -> tuple[tuple[Command, ...], CommandFault | None]:
    """The commands in ``size`` bytes from ``address``, and the fault that ends them, if any."""
    data = image[address : address + size].tobytes()
    commands: list[Command] = []
    place = 0
    while place < len(data):
        index = len(commands)
        opcode = data[place] & 0xF
        if opcode not in list(Opcode):
            return tuple(commands), CommandFault(Fault.ILLEGAL_OPCODE, index)
        length = isa.COMMAND_WORDS[Opcode(opcode)] * 4
        raw = data[place : place + length]
        if len(raw) < length:
            break
        command = Command(Opcode(opcode), isa.decode_fields(Opcode(opcode), raw), index)
        if not is_legal(command, raw, config):
            return tuple(commands), CommandFault(Fault.ILLEGAL_FIELD, index)
        commands.append(command)
        place += length
        if command.opcode == Opcode.END:
            return tuple(commands), None
    return tuple(commands), CommandFault(Fault.NO_END, len(commands))


def is_legal(command: Command, raw: bytes, config: AccelConfig) -> bool:
    """Whether the machine accepts the fields and reserved bits of a command."""
    f = command.fields
    if int.from_bytes(raw, "little") & isa.reserved_mask(command.opcode):
        return False
    if any(f[name] == 0 for name in _AT_LEAST_ONE[command.opcode]):
        return False
    if command.opcode == Opcode.EXECUTE:
        return _legal_execute(f, config)
    if command.opcode == Opcode.LOAD and f["unpack"]:
        return f["channels"] > 0
    if command.opcode in (Opcode.LOAD, Opcode.STORE):
        return f["dram_addr"] % config.cols == 0 and f["dram_stride"] % config.cols == 0
    return True


def _legal_execute(f: dict[str, int], config: AccelConfig) -> bool:
    return (
        f["array_shape"] < 3
        and f["last_planes"] <= 1 << f["array_shape"]
        and max(f["last_channels"], f["last_cols"]) <= config.cols
        and max(f["group_span"], f["last_span"]) <= MAX_SPAN
        and (f["ones"] or not f["maximum"])
        and (f["ones"] or f["weight_lines"] > 0)
        and (f["weight_lines"] <= WEIGHT_RING or not f["resident"])
    )
