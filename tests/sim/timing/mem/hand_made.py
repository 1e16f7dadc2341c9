"""Programs of a few commands whose cycles follow from docs/architecture.md, 3, by hand."""

from __future__ import annotations

from collections.abc import Mapping

from hw.spec.config import preset, with_values
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from sim.timing.ctrl.decode_check import assembled
from sim.timing.machine import RunResult, run
from sim.timing.state import parameters

LINE = 8
"""Words of a line of ``tiny``; its words, and beats, have 4 bytes."""
WRITE_PHASE, READ_PHASE = 4, 0
"""Phases of LOAD on the write port and of STORE on the read port."""
FIRST_START = 27
"""Cycles beyond the memory's latency in which the first command starts.

FETCH requests in cycle 2, ``araddr`` shows it in 3. The last of the command's 16 beats comes in
latency + 18 and moves two cycles after. The command register is full in latency + 21 and pushed in
22, its unit takes it after the queue's four stages in 26, and its waits are met in 27.
"""
READS, WRITES = (0, 1 << 16), (1 << 16, 1 << 17)
"""The address ranges; the program is at 0."""

Command = tuple[Opcode, Mapping[str, int]]


def times(*commands: Command, latency: int = 64, interval: int = 1) -> RunResult:
    """The run of the commands on ``tiny``, cycle by cycle, with a beat every ``interval`` cycles.

    END, which follows them, waits for all.
    """
    memory = {"memory.latency": latency, "memory.bytes_per_cycle": 4 // interval}
    config = with_values(preset("tiny"), memory)
    waits = {
        f"wait_{unit.name.lower()}": sum(opcode == unit for opcode, _ in commands)
        for unit in (Opcode.LOAD, Opcode.STORE)
    }
    rows = [*commands, (Opcode.END, waits)]
    setup = parameters(config, 0, 64 * len(rows), READS + WRITES)
    result = run(assembled(rows, config), setup, config, sleeps=False)
    assert result.fault == Fault.NONE
    return result


def load(words: int, rows: int = 1, **fields: int) -> Command:
    """A LOAD of rows of ``words`` words from 0x1000 on to lines of their own, from line 0 on."""
    strides = {"dram_stride": 4 * words, "scratchpad_stride": -(-words // LINE) * LINE}
    plain = {"dram_addr": 0x1000, "row_count": rows, "row_length": words}
    return Opcode.LOAD, strides | plain | fields


def store(words: int, rows: int = 1, **fields: int) -> Command:
    """A STORE of rows of ``words`` words, each from a line of its own."""
    return Opcode.STORE, {**load(words, rows)[1], "dram_addr": WRITES[0], **fields}


def first(cycle: int, phase: int) -> int:
    """The first cycle from ``cycle`` on in that phase, which is 0 in cycle 2."""
    return cycle + (phase - (cycle - 2)) % LINE
