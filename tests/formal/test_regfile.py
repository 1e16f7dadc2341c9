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


MUTANTS = {
    "with m.If(axil.bready):": "with m.If(1):",
    "with m.If(axil.rready):": "with m.If(1):",
    "axil.arready.eq(~axil.rvalid)": "axil.arready.eq(1)",
    "axil.awvalid & axil.wvalid & ~axil.bvalid": "axil.awvalid & axil.wvalid",
}


def test_the_port_keeps_to_axi4_lite():
    prove(OnThePort(), DEPTH)


@pytest.mark.parametrize("old", MUTANTS)
def test_a_port_that_does_not_is_refuted(old):
    with pytest.raises(Refuted, match="Assert failed"):
        prove(OnThePort(mutant(regfile, old, MUTANTS[old])), DEPTH)
