"""Runs of programs with faults, on the RTL and simulated, and what holds of all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any, TypeVar

import numpy as np

from hw.spec import regs
from hw.spec.config import AccelConfig
from hw.spec.regs import Fault, offset_of
from hw.spec.timing import WATCHDOG
from hw.tools.cosim.design import Design
from hw.tools.cosim.run_spec import (
    AxiEvent,
    MemoryModel,
    RtlResult,
    RunSpec,
    Silence,
)
from hw.tools.cosim.runner import run_rtl_many
from sim.program_reader import decode_program
from sim.simulation import run_command
from sim.timing import machine
from sim.timing.ctrl.decode_check import (
    Commands,
    decode,
)
from sim.timing.state import (
    HANDSHAKES,
    parameters,
)
from sim.values.memories import (
    AddressRanges,
    CommandFault,
    State,
)
from tests.e2e.cases import design
from tests.support import fault_programs as programs
from tests.support.fault_programs import CONFIG, MEMORY, OTHER, WORD, FaultCase

Name = TypeVar("Name", bound=Hashable)

START, RESET, IRQ_ENABLE = (
    1 << regs.bit_of("control", name) for name in ("start", "reset", "irq_enable")
)
"""Bits of the control register."""
DONE, FAULT = (1 << regs.bit_of("status", name) for name in ("done", "fault"))
"""Bits of the status register."""
GAPS = 0.3
LIMIT = 100_000
"""Cycles in which every run must end, TIMEOUT included."""
PAUSE = 2200
"""Register accesses that take longer than any of the programs."""
READS = tuple(r.offset for r in regs.registers() if not r.name.endswith("_hi"))
GOOD = FaultCase("good", Fault.NONE, 0, programs.encode(programs.whole_program()))


def write(name: str, value: int) -> tuple[int, int]:
    """Offset and value of a register write."""
    return offset_of(name), value


def settings(case: FaultCase) -> tuple[tuple[int, int], ...]:
    names = ("read_base", "read_limit", "write_base", "write_limit")
    values = dict(zip(names, case.address_ranges, strict=True))
    values |= {"program_addr": case.addr, "program_size": case.program_size, "base": case.base}
    return tuple(write(name, value) for name, value in values.items())


def start_and_pause(case: FaultCase) -> tuple[tuple[int, int], ...]:
    """Register writes that run a program for longer than any of them takes, the interrupt off."""
    return *settings(case), write("control", START), *[write("id", 0)] * PAUSE


def spec(case: FaultCase, *, image=None, before=(), start=START | IRQ_ENABLE, **options) -> RunSpec:
    model = options.pop("memory", {}) | case.errors
    return RunSpec(
        image=programs.memory(case.code) if image is None else image,
        writes=(*before, *settings(case)),
        start=write("control", start),
        reads=READS,
        timeout=options.pop("timeout", LIMIT),
        memory=MemoryModel(**model),
        axi_log=True,
        origin=case.base,
        **options,
    )


def second(errors) -> FaultCase:
    """The good program at another place."""
    return FaultCase("second", Fault.NONE, 0, GOOD.code, addr=OTHER, errors=errors)


def gaps(seed: int) -> dict:
    return {"gap_seed": seed % (1 << 31), "gap_rate": GAPS}


def on_rtl(runs: dict[Name, RunSpec], machine: Design | None = None) -> dict[Name, RtlResult]:
    """Results of all runs, from one simulation process, on the preset or another machine."""
    results = run_rtl_many(machine or design(CONFIG.name), list(runs.values()), check=False)
    return dict(zip(runs, results, strict=True))


def timed(
    case: FaultCase,
    silence: Silence | None = None,
    watchdog: int = WATCHDOG,
    config: AccelConfig = CONFIG,
) -> machine.RunResult:
    """The run as the simulator times it, which sees no access of an EXECUTE beyond the
    scratchpad. ``config`` is the preset's, or has another number of requantiser lanes."""
    return machine.run(*setup_of(case, silence, watchdog), config)


def setup_of(
    case: FaultCase, silence: Silence | None = None, watchdog: int = WATCHDOG
) -> tuple[Commands, np.ndarray]:
    """The commands and parameters of that run."""
    image = programs.memory(case.code)
    memory: dict[str, Any] = {
        name: dataclasses.astuple(region) for name, region in case.errors.items()
    }
    if silence is not None:
        assert silence.cycles == 0
        events = sum(HANDSHAKES[channel] for channel in set(silence.channels))
        memory["silence"] = events, silence.after
    setup = parameters(
        CONFIG,
        case.addr,
        case.program_size,
        case.address_ranges,
        base=case.base,
        **memory,
        watchdog=watchdog,
    )
    return decode(image, case.addr, case.program_size, CONFIG), setup


def simulated(case: FaultCase) -> tuple[Fault, int]:
    """Code and index as the simulator has them, NONE for a run that is done."""
    run = timed(case)
    if run.fault != Fault.NONE:
        return run.fault, run.fault_index
    try:
        memory_after(case)
    except CommandFault as fault:
        return fault.fault, fault.index
    return Fault.NONE, 0


def memory_after(case: FaultCase) -> np.ndarray:
    image = programs.memory(case.code)
    commands, fault = decode_program(image, case.addr, case.program_size, CONFIG, base=case.base)
    assert fault is None
    state = State(CONFIG, image, AddressRanges(*case.address_ranges))
    for command in commands:
        run_command([state], command)
    return state.memory


def status(result: RtlResult) -> tuple[int, Fault, int]:
    """The flags of the status register, the fault's code and its index."""
    value = result.registers[offset_of("status")]
    return value & 0xFF, Fault(value >> 8), result.registers[offset_of("fault_index")]


def check_clean(result: RtlResult, address_ranges=programs.ADDRESS_RANGES) -> None:
    """The bus obeyed its rules and is quiet, and every burst was in the address ranges."""
    assert result.failure is None
    assert result.violations == []
    assert result.quiet
    read, write = address_ranges[:2], address_ranges[2:]
    for event in result.axi:
        if event.channel in ("ar", "aw"):
            allowed = (write,) if event.channel == "aw" else (read, write)
            assert any(_lies_within(event, window) for window in allowed), event


def _lies_within(event: AxiEvent, window: tuple[int, int]) -> bool:
    addr, beats = event.fields[0], event.fields[1] + 1
    return window[0] <= addr and addr + beats * WORD <= window[1]


def check_outside(
    result: RtlResult, image: np.ndarray, address_ranges=programs.ADDRESS_RANGES
) -> None:
    """No byte outside the write range has changed."""
    outside = np.ones(MEMORY, bool)
    outside[address_ranges[2] : address_ranges[3]] = False
    np.testing.assert_array_equal(result.dram[outside], image[outside])


def check_stopped(result: RtlResult, case: FaultCase) -> None:
    assert status(result) == (FAULT, case.fault, case.index)
    check_clean(result, case.address_ranges)
    check_outside(result, programs.memory(case.code), case.address_ranges)
