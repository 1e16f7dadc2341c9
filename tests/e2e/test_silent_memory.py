"""A memory that stops answering: the run ends WATCHDOG cycles after the last movement, whatever was
under way, with the first fault or with TIMEOUT; RTL and simulator in the same cycle.

The simulator tries every handshake, the RTL some. WATCHDOG is small here; others run with the
machine's own.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from hw.ctrl import run_control
from hw.generate import verilog
from hw.spec import regs
from hw.spec.isa import Opcode
from hw.spec.regs import Counter, Fault, offset_of
from hw.spec.timing import WATCHDOG_DELAY
from hw.tools.cosim.run_spec import (
    CHANNELS,
    RtlResult,
    RunSpec,
    Silence,
    SoftReset,
)
from sim.timing import machine
from sim.timing.machine import RunResult
from tests.e2e.cases import design
from tests.e2e.fault_runs import (
    FAULT,
    GOOD,
    IRQ_ENABLE,
    RESET,
    START,
    check_clean,
    check_outside,
    on_rtl,
    setup_of,
    spec,
    status,
    timed,
    write,
)
from tests.support import fault_programs as programs
from tests.support.fault_cases import fault_cases
from tests.support.fault_programs import END, FaultCase

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

SETS = (*((channel,) for channel in CHANNELS), CHANNELS)
RANDOM_POINTS = 2
SHORT = 1000
"""WATCHDOG of these machines: more than the good program is ever still."""
LAST, BEFORE = 20, 10
"""Handshakes after which the memory falls silent, for each kind of fault: the last, and some of
those before."""

OF_EXECUTES = FaultCase(
    "execute", Fault.SCRATCHPAD_RANGE, 3, programs.changed(3, out_addr=programs.BEYOND, wait_load=2)
)
UNIT = {Opcode.LOAD: "a LOAD", Opcode.EXECUTE: "an EXECUTE", Opcode.STORE: "a STORE"}
BUSY = 1 << regs.bit_of("status", "busy")
HELD = SHORT + 4000
"""Cycles of the run after which it has ended, and the memory is silent still."""
RECOVERY = 3000


def early_end() -> FaultCase:
    """END stops the units while a STORE is under way, and waits for that only."""
    commands = programs.whole_program()
    changes = {
        2: {"row_count": 1, "row_length": 1, "wait_execute": 1},
        3: {"wait_load": 2},
        END: {"wait_execute": 1, "wait_store": 0},
    }
    for place, fields in changes.items():
        opcode, before = commands[place]
        commands[place] = opcode, before | fields
    return FaultCase("early end", Fault.NONE, 0, programs.encode(commands))


def long_work() -> FaultCase:
    """A STORE whose second row lies outside, while the array has work for many times SHORT."""
    commands = programs.whole_program()
    changes = {
        3: {"out_blocks": 64, "weight_addr": 100},
        5: {"row_count": 2, "row_length": 8, "dram_stride": 0x1000, "wait_load": 3,
            "wait_execute": 0},
    }  # fmt: skip
    for place, fields in changes.items():
        opcode, before = commands[place]
        commands[place] = opcode, before | fields
    return FaultCase("long work", Fault.ADDRESS_RANGE, 5, programs.encode(commands))


NO_ANSWER = Silence(("b",), 0)


def total(case: FaultCase, channels: tuple[str, ...]) -> int:
    """Handshakes of a run on some channels."""
    return int(ended(case, Silence(channels, 1 << 30))[1].memory.dram["seen"][0])


def ended(case: FaultCase, silence: Silence) -> tuple[RunResult, machine.Machine]:
    """The simulated run, and the machine after it."""
    commands, setup = setup_of(case, silence, SHORT)
    state = machine.started(commands, setup, programs.CONFIG)
    machine.advance(state, programs.CONFIG)
    return machine.result(state, commands), state


def points(seed: int) -> dict[str, tuple[FaultCase, Silence]]:
    """Each channel, and all, silent from the first handshake on, the last, and some between."""
    rng, found = random.Random(seed), {}
    for channels in SETS:
        count = total(GOOD, channels)
        for after in sorted({0, count - 1, *rng.sample(range(count), RANDOM_POINTS)}):
            found[f"{'+'.join(channels)} after {after}"] = GOOD, Silence(channels, after)
    early = early_end()
    for channel in ("r", "w", "b"):
        silence = Silence((channel,), total(early, (channel,)) - 1)
        found[f"last of {channel}, early end"] = early, silence
    return found


@cache
def hidden() -> dict[str, tuple[FaultCase, Silence]]:
    """For each kind of fault, a memory that falls silent while its run waits for the bus."""
    found: dict[str, tuple[FaultCase, Silence]] = {}
    for kind, case in kinds():
        if kind not in found:
            silence = _while_it_waits(case)
            if silence is not None:
                found[kind] = case, silence
    return found


def kinds() -> Iterator[tuple[str, FaultCase]]:
    """All faults with their kind; ranges are of a unit."""
    for case in fault_cases():
        kind = case.fault.name
        if (
            case.fault in (Fault.ADDRESS_RANGE, Fault.SCRATCHPAD_RANGE)
            and case.addr == programs.PROGRAM
        ):
            kind += f" of {UNIT.get(programs.whole_program()[case.index % 8][0])}"
        yield kind, case


def _while_it_waits(case: FaultCase) -> Silence | None:
    """A silence that begins between the fault and the quiet bus, or None if there is none."""
    count = total(case, CHANNELS)
    for after in range(count - 1, max(count - 4, 0), -1):
        silence = Silence(CHANNELS, after)
        run = timed(case, silence, SHORT)
        if run.cycles > SHORT and (run.fault, run.fault_index) == (case.fault, case.index):
            return silence
    return None


def of_executes(seed: int) -> Silence:
    """A silence on R soon after the accesses beyond the scratchpad begin."""
    return Silence(("r",), total(OF_EXECUTES, ("r",)) - 1 - random.Random(seed).randrange(8))


ANSWERS = {
    "reset": ((RESET | IRQ_ENABLE), (0xFFFF, 0)),
    "start": (START, (BUSY | FAULT | 0xFF00, FAULT | Fault.TIMEOUT << 8)),
}
"""What is written to the control register while the ended run still waits for the memory, and the
bits of the status register once that answers: a reset is done then, a start was ignored."""


RECOVERIES = [*(("reset", channel) for channel in CHANNELS), ("start", "r"), ("start", "b")]


def recovery(name: str, channel: str) -> RunSpec:
    value, (mask, idle) = ANSWERS[name]
    middle = total(GOOD, (channel,)) // 2
    silence = Silence((channel,), middle, HELD + RECOVERY)
    reset = SoftReset(HELD, write("control", value), (offset_of("status"), mask, idle))
    return spec(GOOD, reset=reset, memory={"silence": silence})


def rtl_runs(seed: int) -> dict[str, RunSpec]:
    stopped = points(seed) | hidden()
    runs = {
        name: spec(case, memory={"silence": silence}) for name, (case, silence) in stopped.items()
    }
    runs["execute"] = spec(OF_EXECUTES, memory={"silence": of_executes(seed)})
    runs["long work"] = spec(long_work(), memory={"silence": NO_ANSWER})
    runs["fresh"] = spec(GOOD)
    runs |= {f"{name} {channel}": recovery(name, channel) for name, channel in RECOVERIES}
    return runs


@pytest.fixture(scope="module")
def rtl(seed) -> dict[str, RtlResult]:
    """Results of all runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_control, "WATCHDOG", SHORT)
        text = verilog(programs.CONFIG)
    ordinary = design(programs.CONFIG.name)
    assert text != ordinary.verilog
    return on_rtl(rtl_runs(seed), dataclasses.replace(ordinary, verilog=text))


def check_end(case: FaultCase, silence: Silence) -> Fault:
    """The simulated run ends at once when nothing moves, and its first fault stays."""
    run, state = ended(case, silence)
    last = int(state.clock["moved"][0])
    assert run.cycles == last + SHORT + WATCHDOG_DELAY + 2, (case.name, silence)
    if run.fault != Fault.TIMEOUT:
        assert (run.fault, run.fault_index) == (case.fault, case.index), (case.name, silence)
    return run.fault


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_simulated_run_ends_at_every_handshake(channel):
    for after in range(total(GOOD, (channel,))):
        assert check_end(GOOD, Silence((channel,), after)) == Fault.TIMEOUT


def test_a_simulated_run_ends_after_every_kind_of_fault(seed):
    rng, kept = random.Random(seed), set()
    cases = dict(reversed([*kinds()])) | {kind: case for kind, (case, _) in hidden().items()}
    for kind, case in cases.items():
        for channels in SETS:
            count = total(case, channels)
            late = max(count - LAST, 0)
            points = [*rng.sample(range(late), min(BEFORE, late)), *range(late, count)]
            if any(check_end(case, Silence(channels, after)) == case.fault for after in points):
                kept.add(kind)
    assert kept >= hidden().keys()


def check_as_simulated(result: RtlResult, case: FaultCase, silence: Silence, name: str) -> None:
    run = timed(case, silence, SHORT)
    assert status(result) == (FAULT | BUSY, run.fault, run.fault_index), name
    assert result.cycles == run.cycles, name
    counters = [result.registers[offset_of(f"{c.name.lower()}_lo")] for c in Counter]
    assert counters == run.counters.tolist(), name
    assert result.failure is None and result.violations == [], name
    check_outside(result, programs.memory(case.code))


def test_a_run_ends_wherever_the_memory_stops(rtl, seed):
    for name, (case, silence) in points(seed).items():
        check_as_simulated(rtl[name], case, silence, name)
        assert status(rtl[name])[1] == Fault.TIMEOUT, name


def test_the_first_fault_stays_when_the_memory_stops_after_it(rtl):
    for name, (case, silence) in hidden().items():
        check_as_simulated(rtl[name], case, silence, name)
        assert status(rtl[name])[1:] == (case.fault, case.index), name


def test_every_fault_that_may_wait_for_the_bus_is_among_them():
    found = {case.fault for case, _ in hidden().values()}
    assert found >= set(Fault) - {Fault.NONE, Fault.TIMEOUT, Fault.MISALIGNED}
    assert {
        "ADDRESS_RANGE of a LOAD",
        "ADDRESS_RANGE of a STORE",
        "SCRATCHPAD_RANGE of a STORE",
    } <= set(hidden())


def test_the_fault_of_an_execute_stays_as_well(rtl):
    result = rtl["execute"]
    assert status(result)[1:] == (Fault.SCRATCHPAD_RANGE, OF_EXECUTES.index)
    last = max(event.cycle for event in result.axi if event.channel in ("r", "w", "b"))
    assert last + SHORT + WATCHDOG_DELAY < result.cycles < last + SHORT + 5000


def test_work_after_a_fault_is_no_movement(rtl):
    """The array works on for 30 times as long."""
    result = rtl["long work"]
    check_as_simulated(result, long_work(), NO_ANSWER, "long work")
    assert status(result)[1:] == (Fault.ADDRESS_RANGE, 5)
    last = max(event.cycle for event in result.axi)
    assert result.cycles < last + SHORT + 100


@pytest.mark.parametrize("name, channel", RECOVERIES)
def test_once_the_memory_answers_again_a_run_is_as_a_fresh_one(rtl, name, channel):
    result, fresh = rtl[f"{name} {channel}"], rtl["fresh"]
    check_clean(result)
    assert result.registers == fresh.registers and result.cycles == fresh.cycles
    assert [event for event in result.events if event.cycle > 1] == fresh.events
    np.testing.assert_array_equal(result.dram, fresh.dram)


def test_a_silence_is_described_by_channels_and_numbers():
    for wrong in ({"channels": ()}, {"channels": ("q",)}, {"after": -1}, {"cycles": 1 << 31}):
        with pytest.raises(ValueError, match="must be"):
            dataclasses.replace(Silence(("r",), 0), **wrong)
