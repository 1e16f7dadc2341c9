"""What the registers make of a fault, of a soft reset and of a second start: on the RTL."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hw.spec.regs import Fault
from hw.tools.cosim.run_spec import (
    RtlResult,
    RunSpec,
)
from tests.e2e.fault_runs import (
    DONE,
    FAULT,
    GOOD,
    IRQ_ENABLE,
    RESET,
    START,
    check_clean,
    on_rtl,
    second,
    settings,
    spec,
    start_and_pause,
    status,
    write,
)
from tests.support import fault_programs as programs
from tests.support.fault_programs import FaultCase

pytestmark = pytest.mark.xdist_group("accelerator_tiny")

WRONG = FaultCase("wrong", Fault.ILLEGAL_FIELD, 0, programs.changed(0, row_count=0))
STOPPED = start_and_pause(WRONG)
"""Register writes after which a fault is in the status register, and the interrupt off."""


def register_runs() -> dict[str, RunSpec]:
    """Runs that are about the registers; they "start" by switching the interrupt on."""
    quiet = {"start": IRQ_ENABLE, "timeout": 200}
    running = (*settings(GOOD), write("control", START), *settings(second({})))
    image = programs.memory(WRONG.code)
    clear, keep = write("status", FAULT), write("status", DONE)
    return {
        "good": spec(GOOD),
        "off": spec(WRONG, start=START, timeout=5000),
        "sticky": spec(WRONG, before=STOPPED, **quiet),
        "other bit": spec(WRONG, before=(*STOPPED, keep), **quiet),
        "cleared": spec(WRONG, before=(*STOPPED, clear), **quiet),
        "reset": spec(WRONG, before=(*STOPPED, write("control", RESET)), **quiet),
        "reset and start": spec(
            WRONG, image=image, start=START | RESET | IRQ_ENABLE, timeout=5000),
        "busy": dataclasses.replace(spec(GOOD), writes=running),
    }  # fmt: skip


@pytest.fixture(scope="module")
def rtl() -> dict[str, RtlResult]:
    """Results of all runs."""
    return on_rtl(register_runs())


def test_without_irq_enable_a_fault_shows_in_the_status_only(rtl):
    result = rtl["off"]
    assert result.failure is not None and "no interrupt" in result.failure
    assert status(result) == (FAULT, WRONG.fault, WRONG.index)
    assert not result.violations and result.quiet


@pytest.mark.parametrize("name", ["sticky", "other bit"])
def test_a_fault_stays_until_its_bit_is_written(rtl, name):
    result = rtl[name]
    assert result.failure is None and result.cycles < 10
    assert status(result) == (FAULT, WRONG.fault, WRONG.index)


@pytest.mark.parametrize("name", ["cleared", "reset"])
def test_writing_its_bit_or_a_soft_reset_clears_a_fault(rtl, name):
    result = rtl[name]
    assert result.failure is not None and "no interrupt" in result.failure
    assert status(result)[:2] == (0, Fault.NONE)


def test_reset_wins_over_start(rtl):
    result = rtl["reset and start"]
    assert result.failure is not None and result.axi == []
    assert status(result) == (0, Fault.NONE, 0)


def test_a_start_while_busy_is_ignored(rtl):
    result, fresh = rtl["busy"], rtl["good"]
    check_clean(result)
    assert result.cycles < fresh.cycles
    assert result.registers == fresh.registers
    np.testing.assert_array_equal(result.dram, fresh.dram)
