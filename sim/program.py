"""Reads a mapped network: the memory image, its command list and what the compiler says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hw.spec import isa
from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from sim.timing.program import decode
from sim.values.state import CommandFault, Windows


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
    decoded = decode(image, address, size, config)
    commands: list[Command] = []
    left = size // config.bus_bytes
    columns = (decoded.opcodes, decoded.fields, decoded.beats, decoded.codes)
    for index, (opcode, fields, beats, code) in enumerate(zip(*(c.tolist() for c in columns))):
        left -= beats
        if code == Fault.ILLEGAL_OPCODE:
            return tuple(commands), CommandFault(Fault.ILLEGAL_OPCODE, index)
        if left < 0:
            break
        if code:
            return tuple(commands), CommandFault(Fault(code), index)
        names = (field.name for field in isa.FIELDS[Opcode(opcode)])
        commands.append(Command(Opcode(opcode), dict(zip(names, fields, strict=False)), index))
        if opcode == Opcode.END:
            return tuple(commands), None
    return tuple(commands), CommandFault(Fault.NO_END, len(commands))
