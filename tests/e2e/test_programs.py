"""Random programs, command by command: the simulator and the RTL agree in bits and cycles."""

import pytest

from hw.spec.config import preset
from hw.spec.isa import Opcode
from sim.simulation import run_timing
from tests.e2e.cases import GAP_RATE, compare, program_case
from tests.support.programs import random_program

TINY = pytest.mark.xdist_group("accelerator_tiny")
ECP5 = pytest.mark.xdist_group("accelerator_ecp5")
EDGE256 = pytest.mark.xdist_group("accelerator_edge256")


def check(name, seed, batch, count, **memory):
    """Run the ``count`` programs of a batch in one simulation."""
    first = seed + batch * count
    faults = compare(name, [program_case(name, first + i) for i in range(count)], **memory)
    assert not faults, "\n".join(faults)


@TINY
@pytest.mark.parametrize("batch", range(2))
def test_on_tiny(batch, seed):
    check("tiny", seed, batch, 30)


@TINY
def test_gaps_and_back_pressure_change_no_bit(seed):
    check("tiny", seed, 0, 20, gap_rate=GAP_RATE)


@ECP5
def test_on_ecp5(seed):
    check("ecp5", seed, 0, 10)


@EDGE256
def test_on_edge256(seed):
    check("edge256", seed, 0, 5)


def test_programs_have_what_they_are_for(seed):
    """Tables, residuals, gaps between rows, and EXECUTEs that wait for one another."""
    executes, others = [], set()
    for number in range(20):
        program = random_program(preset("tiny"), seed + number)
        assert run_timing(program).cycles > 0
        executes += [c.fields for c in program.commands if c.opcode == Opcode.EXECUTE]
        others |= {c.fields["unpack"] for c in program.commands if c.opcode == Opcode.LOAD}
    for name in ("table", "residual", "dense", "resident", "maximum", "round_once"):
        assert {fields[name] for fields in executes} == {0, 1}
    assert {fields["split"] for fields in executes} == {0, 1, 2}
    assert others == {0, 1}
    for unit in ("wait_load", "wait_execute", "wait_store"):
        assert any(fields[unit] for fields in executes)


@TINY
@pytest.mark.full
@pytest.mark.parametrize("batch", range(2, 82))
def test_many_on_tiny(batch, seed):
    check("tiny", seed, batch, 30)


@TINY
@pytest.mark.full
@pytest.mark.parametrize("batch", range(2, 22))
def test_many_with_gaps(batch, seed):
    check("tiny", seed, batch, 30, gap_rate=GAP_RATE)


@ECP5
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 21))
def test_many_on_ecp5(batch, seed):
    check("ecp5", seed, batch, 20)


@EDGE256
@pytest.mark.full
@pytest.mark.parametrize("batch", range(1, 11))
def test_many_on_edge256(batch, seed):
    check("edge256", seed, batch, 20)
