"""Amaranth layouts derived from ``hw.spec``: the only place where hardware learns bit positions."""

from amaranth.hdl import Cat, Value, signed, unsigned
from amaranth.lib import data

from hw.spec import isa
from hw.spec.bit_fields import Field

INDEX_BITS = 24
"""Width of a command's index in the program."""


def _fields(opcode: isa.Opcode) -> list[Field]:
    """The fields but those that are of no use once the command is checked."""
    return [f for f in isa.FIELDS[opcode] if f.name not in isa.MACHINE_FIELDS]


def command_layout(opcode: isa.Opcode) -> data.StructLayout:
    """The decoded command: its fields by name, and ``index``, its number in the program."""
    shape = {f.name: signed(f.width) if f.signed else unsigned(f.width) for f in _fields(opcode)}
    return data.StructLayout(shape | {"index": unsigned(INDEX_BITS)})


LOAD = command_layout(isa.Opcode.LOAD)
STORE = command_layout(isa.Opcode.STORE)
EXECUTE = command_layout(isa.Opcode.EXECUTE)
END = command_layout(isa.Opcode.END)


def unpack_command(opcode: isa.Opcode, raw: Value, index: Value) -> Value:
    """The bits of ``command_layout(opcode)``, cut from a raw command of 32-bit words."""
    return Cat(*(raw[f.bit : f.bit + f.width] for f in _fields(opcode)), index)
