"""The accelerator in Amaranth's simulator, with the memory model in Python beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import ClockDomain, Module, ResetSignal, Signal
from amaranth.sim import Simulator

from hw.spec.config import AccelConfig
from hw.spec.regs import offset_of
from hw.top import Accelerator
from tests.hw.tools.cosim.dram_reference import (
    DramReference,
    Inputs,
)

START = 0b101
"""control: start, with the interrupt enabled."""
NO_ERROR = (0, 0, 0)


@dataclass
class Machine:
    """A testbench's view of the machine: every cycle serves the memory bus."""

    ctx: object
    dut: Accelerator
    rst: Signal
    """The hardware reset."""
    memory: DramReference
    cycle: int = 0

    async def tick(self) -> None:
        """One cycle."""
        ctx, dut = self.ctx, self.dut
        names = Inputs.__dataclass_fields__
        out = self.memory.cycle_outputs(
            Inputs(**{name: ctx.get(getattr(dut, f"m_axi_{name}")) for name in names})
        )
        data, last, resp = out["r"] or (0, 0, 0)
        values = {
            "arready": out["arready"],
            "awready": out["awready"],
            "rvalid": out["r"] is not None,
            "rdata": data,
            "rlast": last,
            "rresp": resp,
            "wready": out["w"],
            "bvalid": out["b"] is not None,
            "bresp": out["b"] or 0,
        }
        for name, value in values.items():
            ctx.set(getattr(dut, f"m_axi_{name}"), value)
        await ctx.tick()
        self.cycle += 1

    async def write(self, name: str, value: int) -> None:
        """Write a register; the write is accepted in the first cycle."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.s_axil_awaddr, offset_of(name))
        ctx.set(dut.s_axil_wdata, value)
        ctx.set(dut.s_axil_wstrb, 0b1111)
        for valid in (1, 0):
            ctx.set(dut.s_axil_awvalid, valid)
            ctx.set(dut.s_axil_wvalid, valid)
            ctx.set(dut.s_axil_bready, 1)
            await self.tick()

    async def read(self, name: str) -> int:
        """Read a register; a counter waits for its turn, and comes a cycle later."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.s_axil_araddr, offset_of(name))
        ctx.set(dut.s_axil_arvalid, 1)
        while not ctx.get(dut.s_axil_arready):
            await self.tick()
        await self.tick()
        ctx.set(dut.s_axil_arvalid, 0)
        ctx.set(dut.s_axil_rready, 1)
        while not ctx.get(dut.s_axil_rvalid):
            await self.tick()
        value = ctx.get(dut.s_axil_rdata)
        await self.tick()
        return value

    async def configure(
        self, addr: int, size: int, address_ranges: tuple[int, int, int, int]
    ) -> None:
        """Write the program's place and the address ranges."""
        names = ("read_base", "read_limit", "write_base", "write_limit")
        values = {
            "program_addr": addr,
            "program_size": size,
            **dict(zip(names, address_ranges, strict=True)),
        }
        for name, value in values.items():
            await self.write(name, value)

    async def run(self, limit: int = 20000) -> int:
        """Start, and wait for the interrupt; returns the cycles from one to the other."""
        first = self.cycle
        await self.write("control", START)
        while not self.ctx.get(self.dut.irq):
            await self.tick()
            assert self.cycle - first < limit
        return self.cycle - first


def memory_for(
    config: AccelConfig, image: np.ndarray, read_error=NO_ERROR, write_error=NO_ERROR
) -> DramReference:
    """A memory that begins with ``image`` and ends with it."""
    return DramReference(
        config.bus_bytes,
        len(image),
        config.memory.latency,
        config.beat_interval,
        read_error,
        write_error,
        bytearray(image.tobytes()),
    )


def simulate(config: AccelConfig, memory: DramReference, bench) -> None:
    """Run ``bench(machine)`` from reset."""
    dut, rst = Accelerator(config), Signal()
    top = Module()
    top.submodules.dut = dut
    top.domains.sync = ClockDomain()
    top.d.comb += ResetSignal().eq(rst)
    simulator = Simulator(top)
    simulator.add_clock(1e-8)

    async def testbench(ctx):
        await bench(Machine(ctx, dut, rst, memory))

    simulator.add_testbench(testbench)
    simulator.run()
