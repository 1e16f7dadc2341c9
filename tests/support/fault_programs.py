"""A small program of every kind of command, its memory, and how one thing in it is changed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hw.spec.config import preset
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from hw.tools.cosim.run_spec import ErrorRegion
from tests.support.encode import encode as encode_command

CONFIG = preset("tiny")
WORD = CONFIG.word_bytes
PROGRAM, OTHER, DATA, RESULT = 0x400, 0x1000, 0x4000, 0x8000
"""Byte addresses of the program, of a second one, of what LOADs read and of what STOREs write."""
ADDRESS_RANGES = (PROGRAM, 0x6000, RESULT, 0x9000)
"""Read base and limit, write base and limit; there is memory on all four sides."""
MEMORY = 0x10000
BEYOND = CONFIG.scratchpad_words
"""First word address beyond the scratchpad."""

TABLE, WEIGHTS, INPUT, SECOND, OUTPUT = 32, 96, 256, 384, 512
"""Word addresses in the scratchpad; the channel parameters are at 0."""
WIDTH, HEIGHT = 8, 4
PLANE = WIDTH * HEIGHT
CHANNELS = 2 * CONFIG.cols
CONSTANTS = INPUT
"""Words of parameters, table and weights, which lie at DATA in memory; the two operands follow."""

Command = tuple[Opcode, dict[str, int]]

CONV = {
    "network": 1,
    "dense": 1,
    "residual": 1,
    "table": 1,
    "pad_value": 3,
    "in_addr": INPUT,
    "in_plane": PLANE,
    "in_row": WIDTH,
    "in_width": WIDTH,
    "in_height": HEIGHT,
    "in_blocks": 2,
    "last_channels": CONFIG.cols,
    "kernel_rows": 3,
    "row_dilation": 1,
    "row_step": WIDTH,
    "tap_groups": 1,
    "group_taps": 3,
    "last_taps": 3,
    "col_dilation": 1,
    "group_span": 2,
    "last_span": 2,
    "group_step": 3,
    "pixels": PLANE,
    "start_x": -1,
    "start_y": -1,
    "start_row": -WIDTH,
    "col_stride": 1,
    "end_x": WIDTH - 1,
    "wrap_x": WIDTH,
    "wrap_y": 1,
    "wrap_row": WIDTH,
    "pixel_group_x": CONFIG.rows,
    "out_blocks": 2,
    "last_planes": 1,
    "last_cols": CONFIG.cols,
    "weight_addr": WEIGHTS // CONFIG.line_words,
    "weight_lines": 9 * CHANNELS // CONFIG.line_words,
    "table_addr": TABLE,
    "out_addr": OUTPUT,
    "out_plane": PLANE,
    "out_width": WIDTH,
    "out_min": -128,
    "out_max": 127,
    "res_addr": SECOND,
    "res_plane": PLANE,
    "a_multiplier": 1 << 30,
    "b_multiplier": 1 << 30,
    "sum_multiplier": 1 << 30,
    "add_min": -128,
    "add_max": 127,
    "wait_load": 3,
}
"""3 x 3, both operands and the result with CHANNELS channels, and everything that may follow."""

LOADS, EXECUTES, STORES, END = (0, 1, 2), (3, 4), (5, 6), 7
"""Places of the commands in the whole program."""


def whole_program() -> list[Command]:
    """Three LOADs, two EXECUTEs, the second on the result of the first, two STOREs and END."""
    operands = DATA + CONSTANTS * WORD
    second = operands + PLANE * CHANNELS
    size = PLANE * WORD
    return [
        (Opcode.LOAD, {"dram_addr": DATA, "row_count": 1, "row_length": CONSTANTS}),
        (
            Opcode.LOAD,
            {
                "dram_addr": operands,
                "scratchpad_addr": INPUT,
                "row_count": 1,
                "row_length": PLANE,
                "unpack": 1,
                "flip": 1,
                "channels": CHANNELS,
                "plane": PLANE,
            },
        ),
        (
            Opcode.LOAD,
            {
                "dram_addr": second,
                "dram_stride": size,
                "scratchpad_addr": SECOND,
                "scratchpad_stride": PLANE,
                "row_count": 2,
                "row_length": PLANE,
            },
        ),
        (Opcode.EXECUTE, CONV),
        (
            Opcode.EXECUTE,
            CONV | {"in_addr": OUTPUT, "out_addr": OUTPUT + 2 * PLANE, "wait_execute": 1},
        ),
        (
            Opcode.STORE,
            {
                "dram_addr": RESULT + 0x80,
                "scratchpad_addr": OUTPUT,
                "row_count": 1,
                "row_length": 2 * PLANE,
                "wait_execute": 1,
            },
        ),
        (
            Opcode.STORE,
            {
                "dram_addr": RESULT + 0x400,
                "dram_stride": 0x200,
                "row_count": 2,
                "scratchpad_addr": OUTPUT + 2 * PLANE,
                "scratchpad_stride": PLANE,
                "row_length": PLANE,
                "wait_execute": 2,
            },
        ),
        (Opcode.END, {"wait_load": 3, "wait_execute": 2, "wait_store": 2}),
    ]


def encode(commands: list[Command]) -> bytes:
    """The program as bytes."""
    return b"".join(encode_command(CONFIG, opcode, **fields) for opcode, fields in commands)


def memory(program: bytes, other: bytes = b"") -> np.ndarray:
    """The memory image: random bytes, the program, and another one at OTHER."""
    image = np.random.default_rng(1).integers(0, 256, MEMORY, np.uint8)
    constants = image[DATA : DATA + CONSTANTS * WORD]
    lines = constants[: TABLE * WORD].reshape(-1, 2, 8 * WORD)
    lines[:, 1] %= 8
    for addr, code in ((PROGRAM, program), (OTHER, other)):
        image[addr : addr + len(code)] = np.frombuffer(code, np.uint8)
    return image


@dataclass(frozen=True)
class FaultCase:
    """A program and its surroundings, and the fault that it must stop with."""

    name: str
    fault: Fault
    index: int
    code: bytes
    addr: int = PROGRAM
    size: int | None = None
    address_ranges: tuple[int, int, int, int] = ADDRESS_RANGES
    errors: dict[str, ErrorRegion] = field(default_factory=dict)
    """``read_error`` or ``write_error`` of the memory."""
    base: int = 0

    @property
    def program_size(self) -> int:
        """Bytes of the program as the register says."""
        return len(self.code) if self.size is None else self.size


def changed(place: int, **fields: int) -> bytes:
    """The whole program with some fields of one command changed."""
    commands = whole_program()
    opcode, before = commands[place]
    commands[place] = (opcode, before | fields)
    return encode(commands)


def offset(place: int) -> int:
    """Where a command begins, in bytes from the program's start."""
    return len(encode(whole_program()[:place]))
