"""The binary interface in literals, worked out by hand from docs/isa.md and docs/registers.md.

The tables of ``hw.spec`` give encoder, decoder, pages and header, so that these agree whatever the
tables say. Programs and drivers rely on the very bits.
"""

import struct

import pytest

from hw.spec import isa, regs
from hw.spec.isa import Opcode

WAITS = {"wait_load": 0x12345, "wait_execute": 0x23456, "wait_store": 0x34567}
MACHINE = {"machine": 0xBEEF, "last_line": 0x0FFF}
ROWS = {
    "dram_addr": 0x80001234,
    "dram_stride": 0x00012340,
    "scratchpad_addr": 0x54321,
    "scratchpad_stride": 0x00777,
    "row_count": 0x0102,
    "row_length": 0xABCDE,
}
EXECUTE = (
    (0xDD001023, "wait_load=0x102 split=5 maximum=1 ones=1 array_shape=2 resident=1"),
    (
        0x81500203,
        "wait_execute=0x203 dense=1 residual=0 table=1 network=0 round_once=1 last_channels=0x40",
    ),
    (0x9FE00304, "wait_store=0x304 pad_value=-2 group_taps=9"),
    (0x12345678, "machine=0x5678 last_line=0x1234"),
    (0xABC12345, "in_addr=0x12345 in_blocks=0xabc"),
    (0x72154321, "in_plane=0x54321 kernel_rows=0x21 last_taps=7"),
    (0x80300100, "in_block_step=0x100 row_dilation=3 group_span=8"),
    (0x123400FF, "in_row=0xff in_width=0x1234"),
    (0x20508123, "in_height=0x123 tap_groups=0x42 col_dilation=0x81"),
    (0x02600300, "row_step=0x300 last_span=6 col_stride=2"),
    (0x08000812, "group_step=0x12 pixels=0x10001"),
    (0x4FFFE000, "start_x=-8192 start_y=-1 last_planes=4"),
    (0x003FFFFF, "start_row=-1 wrap_y=1"),
    (0x0070FFFD, "end_x=-3 wrap_x=0x70"),
    (0x00200450, "wrap_row=0x450 out_blocks=2"),
    (0x0005000F, "pixel_group_x=0xf pixel_group_y=5"),
    (0x02100000, "pixel_group_row=0x100000 last_cols=0x10"),
    (0x02030002, "weight_addr=0x10002 out_width=0x101"),
    (0x4001FFFF, "weight_lines=0x1ffff out_skip=0x2000"),
    (0x29000040, "param_addr=0x40 out_zero=-128 add_left=20"),
    (0x0810F0F0, "table_addr=0xf0f0 out_min=-127"),
    (0x07F10101, "out_addr=0x10101 out_max=127"),
    (0x10000222, "out_plane=0x222 a_offset=-256"),
    (0x0FF00333, "res_addr=0x333 b_offset=255"),
    (0x03F00444, "res_plane=0x444 a_right=31 b_right=1"),
    (0x40000001, "a_multiplier=0x40000001"),
    (0x7FFFFFFF, "b_multiplier=0x7fffffff"),
    (0x12345678, "sum_multiplier=0x12345678"),
    (0x0FDFE069, "sum_right=9 add_zero=3 add_min=-1 add_max=126"),
)
"""Each word with its fields."""

COMMANDS = {
    Opcode.LOAD: (
        (
            *(0x03123451, 0x00023456, 0x00034567, 0x0FFFBEEF),
            *(0x80001234, 0x00012340, 0x00054321, 0x00000777),
            *(0x00030102, 0x000ABCDE, 0x00011111, 0, 0, 0, 0, 0),
        ),
        WAITS | MACHINE | ROWS | {"unpack": 1, "flip": 1, "channels": 3, "plane": 0x11111},
    ),
    Opcode.STORE: (
        (
            *(0x00123452, 0x00023456, 0x00034567, 0x0FFFBEEF),
            *(0x80001234, 0x00012340, 0x00054321, 0x00000777),
            *(0x00000102, 0x000ABCDE, 0, 0, 0, 0, 0, 0),
        ),
        WAITS | MACHINE | ROWS,
    ),
    Opcode.EXECUTE: (
        (*(word for word, _ in EXECUTE), 0, 0, 0),
        {
            name: int(value, 0)
            for _, fields in EXECUTE
            for name, value in (field.split("=") for field in fields.split())
        },
    ),
    Opcode.END: (
        (0x00123454, 0x00023456, 0x00034567, 0x0FFFBEEF, *[0] * 12),
        WAITS | MACHINE,
    ),
}

OFFSETS = {
    "id": 0x000,
    "control": 0x004,
    "status": 0x008,
    "fault_index": 0x00C,
    "program_addr": 0x010,
    "program_size": 0x014,
    "read_base": 0x018,
    "read_limit": 0x01C,
    "write_base": 0x020,
    "write_limit": 0x024,
    "cycles_lo": 0x028,
    "cycles_hi": 0x02C,
    "fingerprint": 0x030,
    "base": 0x034,
    "busy_network_lo": 0x100,
    "busy_network_hi": 0x104,
    "busy_other_lo": 0x108,
    "stall_operand_lo": 0x110,
    "stall_weight_lo": 0x118,
    "stall_drain_lo": 0x120,
    "wait_load_lo": 0x128,
    "wait_store_lo": 0x130,
    "wait_execute_lo": 0x138,
    "wait_command_lo": 0x140,
    "occupied_lo": 0x148,
    "read_beats_lo": 0x150,
    "write_beats_lo": 0x158,
    "fetch_beats_lo": 0x160,
    "operand_lines_read_lo": 0x168,
    "weight_lines_read_lo": 0x170,
    "output_beats_lo": 0x178,
    "commands_lo": 0x180,
    "commands_hi": 0x184,
}
FIELDS = {
    "control": {"start": (0, 1), "reset": (1, 1), "irq_enable": (2, 1)},
    "status": {"busy": (0, 1), "done": (1, 1), "fault": (2, 1), "fault_code": (8, 8)},
}
"""Lowest bit and width."""
FAULTS = (
    *("NONE", "ILLEGAL_OPCODE", "ILLEGAL_FIELD", "ADDRESS_RANGE", "FETCH_ERROR", "READ_ERROR"),
    *("WRITE_ERROR", "SCRATCHPAD_RANGE", "NO_END", "TIMEOUT", "WRONG_MACHINE", "MISALIGNED"),
)
"""By code, from 0."""


@pytest.mark.parametrize("opcode", Opcode)
def test_the_bytes_of_a_command_are_those_of_the_page(opcode):
    words, fields = COMMANDS[opcode]
    data = struct.pack(f"<{len(words)}I", *words)
    assert isa.encode(opcode, **fields).hex(" ", 4) == data.hex(" ", 4)
    assert isa.decode_fields(opcode, data).items() >= fields.items()


def test_the_literal_commands_have_every_field():
    for opcode, (_, fields) in COMMANDS.items():
        left = {field.name for field in isa.FIELDS[opcode]} - fields.keys()
        assert left == {"opcode"}


def test_registers_lie_at_the_offsets_of_the_page():
    low = {name: at for name, at in OFFSETS.items() if name.endswith("_lo")}
    high = {f"{name.removesuffix('_lo')}_hi": at + 4 for name, at in low.items()}
    found = {register.name: register.offset for register in regs.registers()}
    assert found == OFFSETS | high


@pytest.mark.parametrize("name", FIELDS)
def test_bits_of_registers_are_those_of_the_page(name):
    register = next(register for register in regs.registers() if register.name == name)
    assert {f.name: (f.lsb, f.width) for f in register.fields} == FIELDS[name]


def test_codes_of_faults_are_those_of_the_page():
    assert [(fault.name, int(fault)) for fault in regs.Fault] == [
        (name, code) for code, name in enumerate(FAULTS)
    ]
