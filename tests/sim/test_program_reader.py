from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.driver import compile
from hw.spec import isa
from hw.spec.config import preset
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from sim.program_reader import ProgramError, decode_program, program_of, read_program
from tests.compiler.graphs import random_graph
from tests.support.encode import encode

CONFIG = preset("edge256")
LOAD = encode(CONFIG, Opcode.LOAD, dram_addr=64, row_count=1, row_length=3)
END = encode(CONFIG, Opcode.END, wait_load=1)
EXECUTE = dict.fromkeys(
    (
        *(
            "pixels",
            "in_blocks",
            "kernel_rows",
            "tap_groups",
            "group_taps",
            "last_taps",
            "out_blocks",
        ),
        *("last_planes", "last_cols", "last_channels", "out_width", "in_width", "in_height"),
        "weight_lines",
    ),
    1,
)


def decode(*commands):
    data = b"".join(commands)
    return decode_program(np.frombuffer(bytes(128) + data, np.uint8), 128, len(data), CONFIG)


def test_commands_have_fields_and_numbers():
    execute = encode(CONFIG, Opcode.EXECUTE, **EXECUTE, pad_value=-3)
    commands, fault = decode(LOAD, execute, END, LOAD)
    assert fault is None
    assert [c.opcode for c in commands] == [Opcode.LOAD, Opcode.EXECUTE, Opcode.END]
    assert [c.index for c in commands] == [0, 1, 2]
    assert commands[0].fields["row_length"] == 3 and commands[1].fields["pad_value"] == -3
    assert set(commands[1].fields) == {f.name for f in isa.FIELDS[Opcode.EXECUTE]}


@pytest.mark.parametrize(
    ("commands", "fault", "index"),
    [
        ([LOAD, bytes(64), END], Fault.ILLEGAL_OPCODE, 1),
        ([LOAD, LOAD], Fault.NO_END, 2),
        ([], Fault.NO_END, 0),
        ([LOAD, encode(CONFIG, Opcode.EXECUTE, **EXECUTE)[:64]], Fault.NO_END, 1),
        ([LOAD, LOAD[:-1] + b"\x80", END], Fault.ILLEGAL_FIELD, 1),
    ],
)
def test_programs_that_break_off_say_where(commands, fault, index):
    _, raised = decode(*commands)
    assert (raised.fault, raised.index) == (fault, index)


@pytest.mark.parametrize(
    ("opcode", "change"),
    [
        (Opcode.LOAD, {"row_count": 0}),
        (Opcode.LOAD, {"dram_addr": 8}),
        (Opcode.LOAD, {"dram_stride": 8}),
        (Opcode.LOAD, {"unpack": 1}),
        (Opcode.STORE, {"row_length": 0}),
        (Opcode.STORE, {"dram_addr": 1}),
        *((Opcode.EXECUTE, {name: 0}) for name in EXECUTE),
        (Opcode.EXECUTE, {"array_shape": 3}),
        (Opcode.EXECUTE, {"array_shape": 1, "last_planes": 3}),
        (Opcode.EXECUTE, {"last_channels": 17}),
        (Opcode.EXECUTE, {"split": 1, "last_channels": 9}),
        (Opcode.EXECUTE, {"split": 4, "last_channels": 2}),
        (Opcode.EXECUTE, {"split": 5}),
        (Opcode.EXECUTE, {"last_cols": 17}),
        (Opcode.EXECUTE, {"group_span": 9}),
        (Opcode.EXECUTE, {"last_span": 9}),
        (Opcode.EXECUTE, {"maximum": 1}),
        (Opcode.EXECUTE, {"resident": 1, "weight_lines": 9}),
    ],
)
def test_illegal_fields_are_faults(opcode, change):
    legal = EXECUTE if opcode == Opcode.EXECUTE else {"row_count": 1, "row_length": 1}
    commands, fault = decode(encode(CONFIG, opcode, **legal), END)
    assert fault is None and len(commands) == 2
    _, fault = decode(encode(CONFIG, opcode, **legal | change), END)
    assert (fault.fault, fault.index) == (Fault.ILLEGAL_FIELD, 0)


def test_a_mapping_of_version_2_is_refused_with_the_new_names(tmp_path):
    (tmp_path / "program.bin").write_bytes(b"")
    (tmp_path / "mapping.json").write_text('{"version": 2}')
    with pytest.raises(ProgramError, match="read_window is now read_range"):
        read_program(tmp_path)


def test_a_program_that_begins_with_a_fault_is_read():
    compiled = compile(random_graph(5), preset("tiny"))
    found, memory = mapping(compiled), np.frombuffer(image(compiled), np.uint8).copy()
    memory[found["segments"][0]["program_addr"]] = 0xFF
    fault = program_of(Path(), memory, found).segments[0].fault
    assert (fault.fault, fault.index) == (Fault.ILLEGAL_OPCODE, 0)
