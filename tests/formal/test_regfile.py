"""The register file keeps to AXI4-Lite whatever the host and the machine do."""

from __future__ import annotations

from types import ModuleType

import pytest
from amaranth.hdl import Elaboratable, Module

from hw.ctrl import regfile
from tests.formal.axil_rules import assert_axil
from tests.formal.prove import Refuted, mutant, prove

pytestmark = pytest.mark.full
DEPTH = 5


class OnThePort(Elaboratable):
    """The rules of AXI4-Lite."""

    def __init__(self, module: ModuleType = regfile) -> None:
        self.dut = module.RegisterFile()

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = self.dut
        assert_axil(m, self.dut.axil)
        return m


ACCEPT = "axil.awvalid & axil.wvalid & ~axil.bvalid"
MUTANTS = {
    "a B that does not wait": ("with m.If(axil.bready):", "with m.If(1):"),
    "an R that does not wait": ("with m.If(axil.rready):", "with m.If(1):"),
    "an R that changes": ("with m.If(axil.arvalid & axil.arready):", "with m.If(axil.arvalid):"),
    "a read before the answer": ("axil.arready.eq(~axil.rvalid)", "axil.arready.eq(1)"),
    "a write before the answer": (ACCEPT, "axil.awvalid & axil.wvalid"),
    "a write without data": (ACCEPT, "axil.awvalid & ~axil.bvalid"),
    "EXOKAY": ("axil.rresp.eq(RESP_OKAY)", "axil.rresp.eq(1)"),
}
"""What each mutant does wrong, the text in the source and the one in its place."""


def test_the_port_keeps_to_axi4_lite():
    prove(OnThePort(), DEPTH)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_port_that_does_not_is_refuted(name):
    with pytest.raises(Refuted, match="Assert failed"):
        prove(OnThePort(mutant(regfile, *MUTANTS[name])), DEPTH)
