"""Whatever goes wrong, the machine stops cleanly, and RTL and simulator say what and where."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.spec import regs
from hw.spec.regs import Fault, offset_of
from hw.tools.cosim.run_spec import (
    RtlResult,
    RunSpec,
)
from tests.e2e.fault_runs import (
    DONE,
    FAULT,
    GOOD,
    check_clean,
    check_outside,
    check_stopped,
    gaps,
    memory_after,
    on_rtl,
    simulated,
    spec,
    status,
    timed,
)
from tests.support import fault_programs as programs
from tests.support.fault_cases import fault_cases, legal_changes, timeouts
from tests.support.fault_programs import PROGRAM, FaultCase

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

CASES = {case.name: case for case in fault_cases()}
TIMEOUTS = {case.name: case for case in timeouts()}
LEGAL = {name: FaultCase("legal", Fault.NONE, 0, code) for name, code in legal_changes()}
MULTIPLE = 24
assert len(CASES) == len(fault_cases())


def multiple_faults(seed: int) -> list[FaultCase]:
    """Programs with several faults, of which the simulator knows the time."""
    rng = random.Random(seed)
    dma = [c for c in CASES.values() if c.fault in (Fault.ADDRESS_RANGE, Fault.SCRATCHPAD_RANGE)
           and c.index not in programs.EXECUTES and c.addr == PROGRAM
           and c.address_ranges == programs.ADDRESS_RANGES]  # fmt: skip
    fetch = [c for c in CASES.values() if c.fault in (Fault.ILLEGAL_FIELD, Fault.NO_END)
             and c.size is None and c.index > 2]  # fmt: skip
    bus = [c for c in CASES.values() if c.errors]
    cases = []
    for number in range(MULTIPLE):
        first, second, third = rng.choice(dma), rng.choice(dma), rng.choice(fetch)
        code = bytearray(third.code)
        for case in (first, second):
            at = programs.offset(case.index)
            code[at : at + 64] = case.code[at : at + 64]
        code = code[: len(third.code)]
        case = FaultCase(f"multiple {number}", Fault.NONE, 0, bytes(code),
                         errors=rng.choice(bus).errors)  # fmt: skip
        cases.append(case)
    return cases


def rtl_runs(seed: int) -> dict[tuple[str, str], RunSpec]:
    runs = {("good", ""): spec(GOOD), ("good", "gaps"): spec(GOOD, memory=gaps(seed))}
    for number, (name, case) in enumerate((CASES | TIMEOUTS).items()):
        runs["fault", name] = spec(case)
        if name in CASES:
            runs["gaps", name] = spec(case, memory=gaps(seed + number))
    for name, case in LEGAL.items():
        runs["legal", name] = spec(case)
    for case in multiple_faults(seed):
        runs["multiple", case.name] = spec(case)
    return runs


@pytest.fixture(scope="module")
def rtl(seed) -> dict[tuple[str, str], RtlResult]:
    """Results of all runs."""
    return on_rtl(rtl_runs(seed))


def test_the_good_program_is_done(rtl):
    assert simulated(GOOD) == (Fault.NONE, 0)
    for kind in ("", "gaps"):
        result = rtl["good", kind]
        assert status(result) == (DONE, Fault.NONE, 0)
        check_clean(result)
        np.testing.assert_array_equal(result.dram, memory_after(GOOD))


@pytest.mark.parametrize("name", CASES | TIMEOUTS)
def test_a_fault_stops_the_machine(rtl, name):
    case = (CASES | TIMEOUTS)[name]
    assert simulated(case) == (case.fault, case.index)
    check_stopped(rtl["fault", name], case)


def test_a_fault_ends_the_run_in_the_simulated_cycle(rtl):
    for name, case in (CASES | TIMEOUTS).items():
        run = timed(case)
        if run.fault != Fault.NONE:
            result = rtl["fault", name]
            counters = [result.registers[offset_of(f"{c.name.lower()}_lo")] for c in regs.Counter]
            assert (result.cycles, counters) == (run.cycles, run.counters.tolist()), name


@pytest.mark.parametrize("name", CASES)
def test_gaps_on_the_bus_make_no_difference(rtl, name):
    check_stopped(rtl["gaps", name], CASES[name])


@pytest.mark.parametrize("name", LEGAL)
def test_the_limits_themselves_are_legal(rtl, name):
    assert simulated(LEGAL[name]) == (Fault.NONE, 0)
    result = rtl["legal", name]
    assert status(result) == (DONE, Fault.NONE, 0)
    check_clean(result)


def test_of_several_faults_the_first_counts(rtl, seed):
    for case in multiple_faults(seed):
        result = rtl["multiple", case.name]
        assert status(result) == (FAULT, *simulated(case)), case
        check_clean(result)
        check_outside(result, programs.memory(case.code))


def test_counters_share_out_the_cycles_of_a_fault(rtl):
    for name in CASES:
        registers = rtl["fault", name].registers
        shares = [registers[offset_of(f"{c.name.lower()}_lo")] for c in regs.CYCLE_COUNTERS]
        assert sum(shares) == registers[offset_of("cycles_lo")] == rtl["fault", name].cycles, name
