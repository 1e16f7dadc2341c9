"""Drives axil_checker.sv alone through the scenarios of ``plan.json``.

The checker's log goes to the simulation's output, with the number of the scenario as its cycle;
``seen.json`` gets the checker's ``violation`` after each.
"""

import json
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

STDOUT = 1
"""The descriptor of standard output in Verilog."""
SIGNALS = (
    "awaddr", "awvalid", "awready", "wdata", "wstrb", "wvalid", "wready", "bresp", "bvalid",
    "bready", "araddr", "arvalid", "arready", "rdata", "rresp", "rvalid", "rready",
)  # fmt: skip


async def cycle(dut, values):
    """One clock cycle with the values given, all other signals low."""
    dut.rst.value = values.get("rst", 0)
    for name in SIGNALS:
        getattr(dut, f"s_axil_{name}").value = values.get(name, 0)
    await RisingEdge(dut.clk)


@cocotb.test()
async def every_scenario(dut):
    dut.log_file.value = STDOUT
    Clock(dut.clk, 2, unit="step").start()
    violations = []
    for number, cycles in enumerate(json.loads(Path("plan.json").read_text())):
        dut.cycle.value = number
        for values in ({"rst": 1}, {"rst": 1}, {}, *cycles, {}):
            await cycle(dut, values)
        violations.append(bool(dut.violation.value))
    Path("seen.json").write_text(json.dumps(violations))
