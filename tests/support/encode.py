"""Commands of hand-written programs, for the machine that runs them."""

from __future__ import annotations

from hw.spec import isa
from hw.spec.config import AccelConfig
from hw.spec.fingerprint import command_fields


def encode(config: AccelConfig, opcode: isa.Opcode, **fields: int) -> bytes:
    """One command as bytes; the fields that say for which machine are its own unless given."""
    return isa.encode(opcode, **command_fields(config) | fields)
