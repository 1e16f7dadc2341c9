"""Checks for illegal commands and those of another machine: see docs/architecture.md, section 4."""

from amaranth.hdl import Cat, Const, Value
from amaranth.utils import exact_log2

from hw.spec import isa, rules
from hw.spec.bit_fields import WORD_BITS
from hw.spec.config import AccelConfig
from hw.spec.fingerprint import accepts


def foreign(raw: Value, config: AccelConfig) -> Value:
    """Whether a raw command is for another machine."""
    places = {f.name: f.bit for f in isa.END_FIELDS}  # alike in all commands
    fields = [raw[places[name] : places[name] + 16] for name in isa.MACHINE_FIELDS]
    return ~accepts(config, *fields)


def illegal(opcode: isa.Opcode, raw: Value, config: AccelConfig) -> Value:
    """Whether a raw command of the given opcode has a field value that is not allowed."""
    size = isa.COMMAND_WORDS[opcode] * WORD_BITS
    reserved = (raw[:size] & Const(isa.reserved_mask(opcode), size)).any()
    fields = {f.name: raw[f.bit : f.bit + f.width] for f in isa.FIELDS[opcode]}
    zero = [fields[name] == 0 for name in rules.AT_LEAST_ONE[opcode]]
    if fields.keys() >= set(rules.UNALIGNED):
        fields["unaligned"] = _unaligned(fields, config)
    broken = [rule.broken(fields, config) for rule in rules.RULES[opcode]]
    return Cat(reserved, *zero, *broken).any()


def _unaligned(fields: dict[str, Value], config: AccelConfig) -> Value:
    low = exact_log2(config.word_bytes)
    addr, stride = (fields[name][:low].any() for name in rules.UNALIGNED)
    return addr | stride
