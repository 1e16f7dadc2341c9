"""Checks for illegal commands and those of another machine: see docs/architecture.md, section 4."""

from amaranth.hdl import Cat, Const, Value
from amaranth.utils import exact_log2

from hw.spec import isa
from hw.spec.config import AccelConfig
from hw.spec.fingerprint import accepts
from hw.spec.timing import WEIGHT_RING

DMA_COUNTS = ("row_count", "row_length")
EXECUTE_COUNTS = (
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
"""Fields that must be at least 1."""


def foreign(raw: Value, config: AccelConfig) -> Value:
    """Whether a raw command is for another machine."""
    places = {f.name: f.bit for f in isa.END_FIELDS}  # alike in all commands
    fields = [raw[places[name] : places[name] + 16] for name in isa.MACHINE_FIELDS]
    return ~accepts(config, *fields)


def illegal(opcode: isa.Opcode, raw: Value, config: AccelConfig) -> Value:
    """Whether a raw command of the given opcode has a field value that is not allowed."""
    size = isa.COMMAND_WORDS[opcode] * isa.WORD_BITS
    reserved = (raw[:size] & Const(isa.reserved_mask(opcode), size)).any()
    fields = {f.name: raw[f.bit : f.bit + f.width] for f in isa.FIELDS[opcode]}
    rules = {
        isa.Opcode.LOAD: _load_rules,
        isa.Opcode.STORE: _store_rules,
        isa.Opcode.EXECUTE: _execute_rules,
        isa.Opcode.END: lambda fields, config: [],
    }
    return Cat(reserved, *rules[opcode](fields, config)).any()


def _zero(fields, *names):
    return [fields[name] == 0 for name in names]


def _unaligned(fields, config):
    low = exact_log2(config.bus_bytes)
    return fields["dram_addr"][:low].any() | fields["dram_stride"][:low].any()


def _load_rules(fields, config):
    unpack = fields["unpack"]
    return [
        *_zero(fields, *DMA_COUNTS),
        unpack & (fields["channels"] == 0),
        ~unpack & _unaligned(fields, config),
    ]


def _store_rules(fields, config):
    return [*_zero(fields, *DMA_COUNTS), _unaligned(fields, config)]


def _execute_rules(fields, config):
    return [
        *_zero(fields, *EXECUTE_COUNTS),
        fields["array_shape"] == 3,
        fields["resident"] & (fields["weight_lines"] > WEIGHT_RING),
        fields["last_planes"] > (Const(1, 1) << fields["array_shape"]),
        fields["last_channels"] > (Const(config.cols) >> fields["split"]),
        fields["last_cols"] > config.cols,
        fields["group_span"] > config.line_words,
        fields["last_span"] > config.line_words,
        fields["maximum"] & ~fields["ones"],
        ~fields["ones"] & (fields["weight_lines"] == 0),
    ]
