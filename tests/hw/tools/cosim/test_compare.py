"""The log of a design that runs other commands than the program has is refused in one sentence."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hw.spec.config import preset
from hw.spec.isa import Opcode
from hw.spec.regs import CYCLE_COUNTERS, Counter, offset_of
from hw.tools.cosim.compare import RunFailure, timing_of
from hw.tools.cosim.run_spec import RtlResult, TraceEvent
from sim.program import Command, Segment
from tests.support.programs import random_program

COUNTS = tuple(range(len(CYCLE_COUNTERS)))
GOOD = [
    TraceEvent(5, "load", "start", 0),
    TraceEvent(9, "load", "done", 0),
    TraceEvent(10, "execute", "start", 1),
    TraceEvent(30, "mac", "cycles", 1, COUNTS),
    TraceEvent(33, "execute", "done", 1),
]


def times(events):
    opcodes = (Opcode.LOAD, Opcode.EXECUTE, Opcode.END)
    commands = tuple(Command(opcode, {}, index) for index, opcode in enumerate(opcodes))
    program = random_program(preset("tiny"), 1)
    program = dataclasses.replace(program, segments=(Segment(0, 256, commands),))
    registers = {offset_of(f"{c.name.lower()}_{half}"): 0 for c in Counter for half in ("lo", "hi")}
    empty = np.zeros(0, np.uint8)
    return timing_of(program, [RtlResult(registers, 40, empty, events, [], [], True, None, 1.0)])


def test_a_log_tells_the_times_of_each_command():
    busy = COUNTS[Counter.BUSY_NETWORK] + COUNTS[Counter.BUSY_OTHER]
    assert times(GOOD).spans[:2] == ((5, 9, 0), (10, 33, busy))


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (GOOD[1:], "0 LOAD commands have a start on the RTL; the program has 1"),
        (GOOD[:-1], "0 EXECUTE commands have a done on the RTL; the program has 1"),
        (
            [*GOOD, TraceEvent(35, "store", "start", 2)],
            "1 STORE commands have a start on the RTL; the program has 0",
        ),
        (
            [*GOOD, TraceEvent(35, "mac", "cycles", 77, COUNTS)],
            "the array works for command 77 on the RTL; the program has 3 commands",
        ),
    ],
)
def test_a_log_of_other_commands_is_refused(events, message):
    with pytest.raises(RunFailure) as fault:
        times(events)
    assert str(fault.value) == message
