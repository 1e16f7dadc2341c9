"""The instruction set: every field of every command, once.

A command is 16 or 32 little-endian 32-bit words. Encoder, decoder, hardware layout and
documentation derive from the tables below.
"""

from __future__ import annotations

import enum

from hw.spec.bit_fields import WORD_BITS, place_fields

OPCODE_BITS = 4
"""Width of the opcode, the lowest bits of a command."""
SCRATCHPAD_ADDR_BITS = 20
"""Width of a word address of the scratchpad; addresses wrap at its end."""


class Opcode(enum.IntEnum):
    """Kind of a command; 0 is never valid, so that blank memory does not run."""

    LOAD = 1
    STORE = 2
    EXECUTE = 3
    END = 4


_HEADER = (
    ("opcode", OPCODE_BITS, "Opcode."),
    ("wait_load", 20, "Start only when at least this many LOADs of the program are complete."),
    ("wait_execute", 20, "Likewise, EXECUTEs."),
    ("wait_store", 20, "Likewise, STOREs."),
    (
        "machine",
        16,
        "The machine that the program is for: the low half of its register `fingerprint`. Bits 7:4 "
        "(rows) are 0 when the program is for any number of rows.",
    ),
    (
        "last_line",
        16,
        "The last line of the scratchpad that the program may read; the machine must have it.",
    ),
)
MACHINE_FIELDS = ("machine", "last_line")
"""Fields on which depends whether a command runs at all; hw.spec.fingerprint has their values."""

_DMA = (
    ("dram_addr", 32, "Byte address of the first row in memory, counted from `base`."),
    ("dram_stride", 32, "Bytes from one row to the next in memory."),
    ("scratchpad_addr", SCRATCHPAD_ADDR_BITS, "Word address of the first row in the scratchpad."),
    (
        "scratchpad_stride",
        SCRATCHPAD_ADDR_BITS,
        "Words from one row to the next in the scratchpad.",
    ),
    ("row_count", 16, "Number of rows, at least 1."),
    ("row_length", 20, "Words of a row (pixels of a row when unpacking), at least 1."),
)

LOAD_FIELDS = place_fields(
    *_HEADER,
    *_DMA,
    (
        "unpack",
        1,
        "0: words as they stand. 1: pixels of `channels` bytes, spread over channel blocks.",
    ),
    ("flip", 1, "Unpacking: invert bit 7 of each byte (uint8 to int8)."),
    ("channels", 16, "Unpacking: bytes of a pixel, at least 1."),
    (
        "plane",
        SCRATCHPAD_ADDR_BITS,
        "Unpacking: words from one channel block to the next in the scratchpad.",
    ),
)
STORE_FIELDS = place_fields(*_HEADER, *_DMA)
END_FIELDS = place_fields(*_HEADER)

EXECUTE_FIELDS = place_fields(
    *_HEADER,
    (
        "split",
        3,
        "Operand selector: a word's channels form groups of cols >> split, a column multiplies its "
        "own group's. 0: all channels (regular). log2(cols): channel m to column m (depthwise).",
    ),
    ("maximum", 1, "0: accumulate the sum. 1: keep the maximum (of operands; needs `ones`)."),
    ("ones", 1, "Every weight is 1; none is fetched."),
    ("array_shape", 2, "Array shape s: rows >> s pixels by cols << s channels (0, 1, 2)."),
    (
        "resident",
        1,
        "A pixel group's weights fit the weight store and are fetched once per output block.",
    ),
    (
        "dense",
        1,
        "Output rows follow one another without a gap: an output beat has `requant_words` pixels.",
    ),
    ("residual", 1, "Add a second operand after requantisation."),
    ("table", 1, "Send the result through the 256-entry table at `table_addr`."),
    (
        "network",
        1,
        "The multiply-accumulates are the network's own (convolution, fully connected).",
    ),
    ("round_once", 1, "Requantise sums with one rounding, halves away from zero, not two."),
    ("pad_value", -8, "Operand outside the input."),
    # the input window
    (
        "in_addr",
        SCRATCHPAD_ADDR_BITS,
        "Word address of pixel (0, 0) of the first channel block of the input window.",
    ),
    ("in_plane", SCRATCHPAD_ADDR_BITS, "Words from one input channel block to the next."),
    (
        "in_block_step",
        SCRATCHPAD_ADDR_BITS,
        "Words added to the input address per output block (grouped, depthwise).",
    ),
    ("in_row", 16, "Words from one input row to the next."),
    ("in_width", 14, "Valid columns of the input window; beyond them is padding."),
    ("in_height", 14, "Valid rows of the input window; beyond them is padding."),
    ("in_blocks", 12, "Input channel blocks of an output block."),
    (
        "last_channels",
        7,
        "Channels of a group in the last input block, 1 to cols >> split; in the others all.",
    ),
    # the kernel
    ("kernel_rows", 8, "Kernel height."),
    ("row_dilation", 8, "Vertical dilation."),
    (
        "row_step",
        SCRATCHPAD_ADDR_BITS,
        "Words from one kernel row to the next: row_dilation * in_row.",
    ),
    ("tap_groups", 8, "Groups of taps in a kernel row."),
    ("group_taps", 4, "Taps of a group: (group_taps - 1) * col_dilation <= line_words."),
    ("last_taps", 4, "Taps of the last group."),
    ("col_dilation", 8, "Horizontal dilation."),
    ("group_span", 4, "(group_taps - 1) * col_dilation."),
    ("last_span", 4, "(last_taps - 1) * col_dilation."),
    ("group_step", 11, "group_taps * col_dilation."),
    # the output pixels of the lanes; coordinates are those of tap (0, 0) in the input
    ("pixels", 20, "Output pixels, at least 1."),
    ("start_x", -14, "Column of the first pixel: minus the left padding."),
    ("start_y", -14, "Row of the first pixel: minus the top padding."),
    ("start_row", -21, "start_y * in_row."),
    ("col_stride", 8, "Columns from one output pixel to the next."),
    ("end_x", -16, "Column at which an output row ends: start_x + out_width * col_stride."),
    ("wrap_x", 16, "out_width * col_stride."),
    ("wrap_y", 8, "Vertical stride."),
    ("wrap_row", SCRATCHPAD_ADDR_BITS, "Vertical stride * in_row."),
    ("pixel_group_x", 16, "(pixels of a pixel group mod out_width) * col_stride."),
    ("pixel_group_y", 14, "(pixels of a pixel group div out_width) * vertical stride."),
    ("pixel_group_row", 21, "pixel_group_y * in_row."),
    # weights, parameters, table
    ("out_blocks", 12, "Output blocks of cols << shape channels."),
    ("last_planes", 3, "Channel blocks (planes) in the last output block, 1 to 1 << shape."),
    ("last_cols", 7, "Channels of the very last plane, 1 to cols."),
    ("weight_addr", 17, "Line address of the weights."),
    ("weight_lines", 17, "Lines of weights of one output block."),
    ("param_addr", 17, "Line address of the channel parameters: whole lines a plane."),
    ("table_addr", SCRATCHPAD_ADDR_BITS, "Word address of the table."),
    # the output window
    ("out_addr", SCRATCHPAD_ADDR_BITS, "Word address of the first output pixel."),
    ("out_plane", SCRATCHPAD_ADDR_BITS, "Words from one output plane to the next."),
    ("out_width", 14, "Output columns."),
    (
        "out_skip",
        14,
        "Words between the end of an output row and the start of the next; 0 when dense.",
    ),
    ("out_zero", -8, "Output zero point."),
    ("out_min", -8, "Lower clamp."),
    ("out_max", -8, "Upper clamp."),
    # residual add: out = requantise(rescale(conv + a_offset) + rescale(other + b_offset))
    (
        "res_addr",
        SCRATCHPAD_ADDR_BITS,
        "Word address of the second operand, laid out like the output.",
    ),
    ("res_plane", SCRATCHPAD_ADDR_BITS, "Words from one plane of the second operand to the next."),
    ("a_offset", -9, "Minus the zero point of the first operand."),
    ("b_offset", -9, "Minus the zero point of the second operand."),
    ("add_left", 5, "Left shift of both operands before rescaling."),
    ("a_multiplier", 31, "Multiplier of the first operand, Q31."),
    ("b_multiplier", 31, "Multiplier of the second operand, Q31."),
    ("sum_multiplier", 31, "Multiplier of the sum, Q31."),
    ("a_right", 5, "Right shift of the first operand."),
    ("b_right", 5, "Right shift of the second operand."),
    ("sum_right", 5, "Right shift of the sum."),
    ("add_zero", -8, "Zero point of the sum."),
    ("add_min", -8, "Lower clamp of the sum."),
    ("add_max", -8, "Upper clamp of the sum."),
)

FINGERPRINT_BYTE = next(f.bit for f in END_FIELDS if f.name == MACHINE_FIELDS[0]) // 8
"""First byte of the 32 bits of MACHINE_FIELDS in every command."""

FIELDS = {
    Opcode.LOAD: LOAD_FIELDS,
    Opcode.STORE: STORE_FIELDS,
    Opcode.EXECUTE: EXECUTE_FIELDS,
    Opcode.END: END_FIELDS,
}
COMMAND_WORDS = {Opcode.LOAD: 16, Opcode.STORE: 16, Opcode.EXECUTE: 32, Opcode.END: 16}
"""32-bit words of each command."""
COMMAND_ALIGN = 64
"""Bytes: commands follow one another, each a multiple of this."""
MOST_COMMANDS = min(f.high for f in place_fields(*_HEADER) if f.name.startswith("wait_"))
"""LOADs, EXECUTEs or STOREs of a program, at most: what a wait counts."""

for _opcode, _fields in FIELDS.items():
    assert max(f.word for f in _fields) < COMMAND_WORDS[_opcode], _opcode


def highest(opcode: Opcode, *names: str) -> int:
    """The largest value that each of the named fields holds."""
    fields = {f.name: f for f in FIELDS[opcode]}
    return min(fields[name].high for name in names)


def encode(opcode: Opcode, **values: int) -> bytes:
    """One command as bytes. Fields not named are 0. Raises AssertionError when a value does not
    fit its field."""
    word = 0
    known = {f.name for f in FIELDS[opcode]}
    assert values.keys() <= known, f"{opcode.name} has no field {sorted(values.keys() - known)}"
    for field in FIELDS[opcode]:
        value = int(opcode) if field.name == "opcode" else int(values.get(field.name, 0))
        assert field.low <= value <= field.high, (
            f"{opcode.name}.{field.name} = {value} is not in [{field.low}, {field.high}]"
        )
        word |= (value & ((1 << field.width) - 1)) << field.bit
    return word.to_bytes(COMMAND_WORDS[opcode] * 4, "little")


def decode_fields(opcode: Opcode, data: bytes) -> dict[str, int]:
    """The fields of one command."""
    word = int.from_bytes(data[: COMMAND_WORDS[opcode] * 4], "little")
    values = {}
    for field in FIELDS[opcode]:
        value = (word >> field.bit) & ((1 << field.width) - 1)
        values[field.name] = (
            value - (1 << field.width) if field.signed and value > field.high else value
        )
    return values


def reserved_mask(opcode: Opcode) -> int:
    """Bits of a command that belong to no field and must be 0."""
    mask = (1 << (COMMAND_WORDS[opcode] * WORD_BITS)) - 1
    for field in FIELDS[opcode]:
        mask &= ~(((1 << field.width) - 1) << field.bit)
    return mask
