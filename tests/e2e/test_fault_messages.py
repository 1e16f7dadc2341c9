"""A user is told which command of a program is at fault, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hw.spec import isa
from hw.spec.isa import Opcode
from hw.spec.regs import FAULT_DOC, Fault
from sim.program_reader import decode_program
from sim.timing.ctrl.decode_check import decode
from tests.e2e.refusals import RUN_COMMANDS, refused, run, snapshot
from tests.support.fault_programs import BEYOND, CONFIG

pytestmark = pytest.mark.xdist_group("accelerator_tiny")


def break_program(folder: Path, fault: Fault) -> int:
    """Break the program of a mapped network; returns the index of the command at fault."""
    mapping = json.loads((folder / "mapping.json").read_text())
    image = np.fromfile(folder / "program.bin", np.uint8)
    size = mapping["segments"][0]["program_size"]
    commands, _ = decode_program(image, 0, size, CONFIG)
    command = next(command for command in commands if command.opcode == Opcode.EXECUTE)
    beats = decode(image, 0, size, CONFIG).beats
    at = int(beats[: command.index].sum()) * CONFIG.bus_bytes
    changes = {"in_addr": BEYOND} if fault == Fault.SCRATCHPAD_RANGE else {"out_blocks": 0}
    fields = {k: v for k, v in command.fields.items() if k != "opcode"} | changes
    code = isa.encode(command.opcode, **fields)
    image[at : at + len(code)] = np.frombuffer(code, np.uint8)
    image.tofile(folder / "program.bin")
    return command.index


@pytest.mark.parametrize("fault", [Fault.ILLEGAL_FIELD, Fault.SCRATCHPAD_RANGE])
@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_a_user_is_told_of_a_fault(folder, capsys, command, fault):
    index = break_program(folder, fault)
    before = snapshot(folder.parent)
    assert run(command, folder) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and snapshot(folder.parent) == before
    *progress, line = captured.err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"fault {fault.name} at command {index}: {FAULT_DOC[fault]}")
    assert not any("error" in other or "Traceback" in other for other in progress)


@pytest.mark.parametrize("size", [-64, 64])
@pytest.mark.parametrize("command", RUN_COMMANDS)
def test_a_program_of_another_size_is_refused(folder, capsys, command, size):
    path = folder / "program.bin"
    content = path.read_bytes()
    path.write_bytes(content[:size] if size < 0 else content + bytes(size))
    found, wanted = len(content) + size, len(content)
    refused(capsys, folder.parent, (f"image_size {wanted}", f"has {found}"), command, folder)
