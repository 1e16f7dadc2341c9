"""Every run ends once nothing moves, with its first fault's code: proven for the monitor."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.command_layouts import INDEX_BITS
from hw.ctrl import run_control
from hw.spec.regs import Fault
from tests.formal.prove import Refuted, inside, mutant, opened, prove

pytestmark = pytest.mark.full
DEPTH = 2
SHORT = 8
"""WATCHDOG of the mutants, which then fail within cycles that can be tried one after another."""
UNITS = ("fetch", "load", "store", "execute")


class Ends(Elaboratable):
    """When and how rows_left end that begin and are given up, by a soft reset, at any time.

    ``dut`` has what is free: the monitor's inputs, and ``begins`` and ``given_up``.
    """

    def __init__(self, module: ModuleType) -> None:
        self.unit, self.most = module.RunControl(), module.WATCHDOG
        self.free = {name: member for name, member in self.unit.signature.members.items()
                     if member.flow == In and name != "running"}  # fmt: skip
        free = self.free | {"begins": In(1), "given_up": In(1)}
        self.dut = wiring.PureInterface(wiring.Signature(free), path=())

    def elaborate(self, platform):
        m = Module()
        unit, clear, running = self.unit, Signal(), Signal()
        inner = opened(unit)
        m.submodules.unit = ResetInserter(clear)(inner)
        m.d.comb += [getattr(unit, name).eq(getattr(self.dut, name)) for name in self.free]
        m.d.comb += clear.eq(self.dut.begins & ~running), unit.running.eq(running)
        with m.If(unit.done | unit.fault | self.dut.given_up):
            m.d.sync += running.eq(0)
        with m.Elif(clear):
            m.d.sync += running.eq(1)
        still = self._still(m, running)
        raised, code, index = self._first(m, clear, running, still)
        stuck = still == self.most
        m.d.comb += [
            Assert(~running | (still <= self.most), "a run ends once nothing moves"),
            Assert(~(running & stuck) | unit.fault, "it ends in this very cycle"),
            Assert(~running | (unit.code == code), "the first fault's code stays"),
            Assert(~running | (unit.index == index), "and so does its index"),
            Assert(unit.fault == (running & raised & (unit.empty | stuck)), "ends by a fault"),
            Assert(~unit.done | (running & ~raised & unit.empty), "ends without a fault"),
            Assert(~(unit.done & unit.fault), "a run ends once"),
            Assert(unit.stop | (running & ~raised), "the units stop at the first fault"),
            Assert(raised == (code != Fault.NONE), "a fault has a code"),
            Assert(~running | (inside(inner, "standstill") == stuck), "standstill is kept"),
            Assert(~running | stuck | (inside(inner, "quiet") == still), "cycles are counted"),
        ]
        return m

    def _still(self, m, running):
        """Cycles of the run without a movement until now."""
        still = Signal(range(2 * self.most))
        with m.If(running & ~self.dut.moves):
            m.d.sync += still.eq(still + 1)
        with m.Else():
            m.d.sync += still.eq(0)
        return still

    def _first(self, m, clear, running, still):
        """Whether a fault was raised before this cycle, with code and index of the first."""
        raised, code, index = Signal(), Signal(4), Signal(INDEX_BITS)
        reports = [getattr(self.dut, f"{name}_fault") for name in UNITS]
        for report in reports:
            m.d.comb += Assume(~report.raised | (report.code != Fault.NONE))
        with m.If(clear):
            m.d.sync += raised.eq(0), code.eq(Fault.NONE), index.eq(0)
        with m.Elif(running & ~raised):
            with m.If((still == self.most - 1) & ~self.dut.moves):
                m.d.sync += raised.eq(1), code.eq(Fault.TIMEOUT), index.eq(self.dut.last)
            for report in reversed(reports):
                with m.If(report.raised):
                    m.d.sync += raised.eq(1), code.eq(report.code), index.eq(report.index)
        return raised, code, index


MUTANTS = {
    "self.empty | standstill": "self.empty | (self.code == Fault.TIMEOUT)",
    "& (self.empty | standstill)": "& self.empty",
    "with m.If(self.running & none & first.raised)": "with m.If(self.running & first.raised)",
    "for report in reversed(faults)": "for report in faults",
    "quiet == WATCHDOG - 1": "quiet == WATCHDOG",
    "& none & ~first.raised & self.empty": "& none & ~first.raised",
}


def test_every_run_ends_with_its_first_fault():
    prove(Ends(run_control), DEPTH)


@pytest.mark.parametrize("old", MUTANTS)
def test_a_monitor_that_forgets_is_refuted(old):
    wrong = mutant(run_control, old, MUTANTS[old])
    wrong.WATCHDOG = SHORT
    with pytest.raises(Refuted, match="Assert failed"):
        prove(Ends(wrong), SHORT + 4)
