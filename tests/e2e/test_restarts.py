"""Runs after a soft reset at any time, and after a fault, are as fresh ones: on the RTL."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.spec.regs import Fault, offset_of
from hw.tools.cosim.run_spec import (
    ErrorRegion,
    RtlResult,
    RunSpec,
    SoftReset,
)
from sim.timing import machine
from sim.timing.ctrl.decode_check import decode
from sim.timing.state import parameters
from tests.e2e.fault_runs import (
    DONE,
    GOOD,
    IRQ_ENABLE,
    PAUSE,
    RESET,
    START,
    check_clean,
    check_outside,
    gaps,
    memory_after,
    on_rtl,
    second,
    settings,
    simulated,
    spec,
    start_and_pause,
    status,
    write,
)
from tests.support import fault_programs as programs
from tests.support.fault_cases import fault_cases, timeouts
from tests.support.fault_programs import CONFIG, PROGRAM, FaultCase

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

RANDOM_RESETS, OTHERS = 16, 24
LAST_BEAT = PROGRAM + programs.offset(5) - 4
"""Address of the last four bytes of an EXECUTE."""
RESTARTS = {
    "ADDRESS_RANGE": FaultCase("", Fault.ADDRESS_RANGE, 2, programs.changed(2, dram_stride=0x3000)),
    "STORE": FaultCase("", Fault.ADDRESS_RANGE, 6, programs.changed(6, dram_stride=0x1000)),
    "SCRATCHPAD_RANGE": FaultCase(
        "", Fault.SCRATCHPAD_RANGE, 4, programs.changed(4, out_plane=programs.BEYOND)),
    "ILLEGAL_FIELD": FaultCase("", Fault.ILLEGAL_FIELD, 4, programs.changed(4, out_blocks=0)),
    "FETCH_ERROR": FaultCase(
        "", Fault.FETCH_ERROR, 4, GOOD.code,
        errors={"read_error": ErrorRegion(LAST_BEAT, LAST_BEAT + 4)}),
    "READ_ERROR": FaultCase(
        "", Fault.READ_ERROR, 0, programs.changed(0, dram_addr=0x5800),
        errors={"read_error": ErrorRegion(0x5900, 0x5904)}),
    "WRITE_ERROR": FaultCase(
        "", Fault.WRITE_ERROR, 5, programs.changed(5, dram_addr=programs.RESULT + 0xC00),
        errors={"write_error": ErrorRegion(programs.RESULT + 0xC80, programs.RESULT + 0xC84)}),
    "NO_END": FaultCase("", Fault.NO_END, 7, GOOD.code[:-64]),
}  # fmt: skip
"""Programs that stop with each kind of fault, on bytes that the good one does not touch."""
MOMENTS = ("starting", "fetching", "loading", "unpacking", "computing", "storing", "done")


def restart(case: FaultCase, again: bool) -> RunSpec:
    """The good program, after ``case`` when ``again`` is set."""
    image = programs.memory(case.code, GOOD.code)
    before = start_and_pause(case) if again else ()
    return spec(second(case.errors), image=image, before=before)


def moments() -> dict[str, int]:
    """Cycles of the good program in which it does what."""
    setup = parameters(CONFIG, PROGRAM, GOOD.program_size, GOOD.address_ranges)
    image = programs.memory(GOOD.code)
    run = machine.run(decode(image, PROGRAM, GOOD.program_size, CONFIG), setup, CONFIG)
    middle = [int(a + b) // 2 for a, b in zip(run.starts, run.ends, strict=True)]
    cycles = (0, 40, middle[0], middle[1], middle[3], middle[5], run.cycles + 50)
    return dict(zip(MOMENTS, cycles, strict=True))


def reset_after(cycles: int) -> SoftReset:
    """A soft reset, and the wait for a status of 0."""
    write_reset = write("control", RESET | IRQ_ENABLE)
    return SoftReset(cycles, write_reset, (offset_of("status"), 0xFFFF, 0))


def others(seed: int) -> list[FaultCase]:
    """Programs unlike the good one, most with a fault that they may not come to."""
    return random.Random(seed).sample(fault_cases() + timeouts(), OTHERS)


def interrupted(case: FaultCase, accesses: int) -> tuple[tuple[int, int], ...]:
    """Register writes that run a program, and reset the machine after so many accesses."""
    pause, quiet = [write("id", 0)] * accesses, [write("id", 0)] * PAUSE
    return *settings(case), write("control", START), *pause, write("control", RESET), *quiet


def rtl_runs(seed: int) -> dict[tuple[str, str], RunSpec]:
    runs = {("good", ""): spec(GOOD)}
    runs["second", ""] = spec(second({}), image=programs.memory(GOOD.code, GOOD.code))
    for number, case in enumerate(others(seed)):
        before = interrupted(case, random.Random(seed + number).randrange(PAUSE))
        image = programs.memory(case.code, GOOD.code)
        runs["after", str(number)] = spec(second({}), image=image, before=before)
    for name, cycles in moments().items():
        runs["reset", name] = spec(GOOD, reset=reset_after(cycles))
    for number in range(RANDOM_RESETS):
        cycles = random.Random(seed + number).randrange(7000)
        reset = reset_after(cycles)
        runs["random reset", str(number)] = spec(GOOD, reset=reset, memory=gaps(seed + number))
    for name, case in RESTARTS.items():
        runs["fresh", name] = restart(case, again=False)
        runs["restart", name] = restart(case, again=True)
    return runs


@pytest.fixture(scope="module")
def rtl(seed) -> dict[tuple[str, str], RtlResult]:
    """Results of all runs."""
    return on_rtl(rtl_runs(seed))


@pytest.mark.parametrize("name", MOMENTS)
def test_a_run_after_a_soft_reset_is_as_a_fresh_one(rtl, name):
    result, fresh = rtl["reset", name], rtl["good", ""]
    check_clean(result)
    assert result.registers == fresh.registers
    assert (result.cycles, result.events) == (fresh.cycles, fresh.events)
    np.testing.assert_array_equal(result.dram, fresh.dram)


def test_a_soft_reset_may_come_at_any_time(rtl):
    for number in range(RANDOM_RESETS):
        result = rtl["random reset", str(number)]
        assert status(result) == (DONE, Fault.NONE, 0)
        check_clean(result)
        np.testing.assert_array_equal(result.dram, memory_after(GOOD))


def test_nothing_of_a_reset_program_is_left_for_the_next(rtl, seed):
    for number, case in enumerate(others(seed)):
        result, fresh = rtl["after", str(number)], rtl["second", ""]
        assert status(result) == (DONE, Fault.NONE, 0), case
        check_clean(result)
        assert (result.registers, result.cycles) == (fresh.registers, fresh.cycles), case
        assert [event for event in result.events if event.cycle > 1] == fresh.events, case
        image = programs.memory(case.code, GOOD.code)
        changed = fresh.dram != programs.memory(GOOD.code, GOOD.code)
        np.testing.assert_array_equal(result.dram[changed], fresh.dram[changed])
        check_outside(result, image)


@pytest.mark.parametrize("name", RESTARTS)
def test_a_run_after_a_fault_is_as_a_fresh_one(rtl, name):
    case = RESTARTS[name]
    assert simulated(case) == (case.fault, case.index)
    result, fresh = rtl["restart", name], rtl["fresh", name]
    assert status(fresh) == (DONE, Fault.NONE, 0)
    check_clean(result)
    assert (result.registers, result.cycles) == (fresh.registers, fresh.cycles)
    # The array works on, unseen, after a fault; the start clears it in cycle 1.
    assert [event for event in result.events if event.cycle > 1] == fresh.events
    image = programs.memory(case.code, GOOD.code)
    check_outside(result, image)
    changed = fresh.dram != image
    np.testing.assert_array_equal(result.dram[changed], fresh.dram[changed])
