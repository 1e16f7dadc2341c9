"""The side inside the simulator: cocotb starts the machine and waits; it touches no AXI beat.

Reads ``runs.json`` in the working directory and leaves ``results.json`` there, next to the files
that dram.sv and trace.sv write.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import First, RisingEdge, Timer
from cocotb.utils import get_sim_time

PERIOD = 2
"""Clock period in simulation steps."""

STOP_MARGIN = 4
"""Cycles from the last one that is asked for to the end of an unfinished run, so that it is
recorded."""

CHUNK = 50_000
"""Cycles between two reports of progress."""


class AxiLite:
    """A host on the AXI4-Lite slave ``s_axil``, one access at a time."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            self._port(name).value = 0

    def _port(self, name: str) -> Any:
        return getattr(self.dut, "s_axil_" + name)

    async def _transfer(self, valids: list[str]) -> None:
        """Raise the valids together, and lower each one after its own handshake."""
        for valid in valids:
            self._port(valid + "valid").value = 1
        while valids:
            await RisingEdge(self.dut.clk)
            for channel in [c for c in valids if self._port(c + "ready").value]:
                self._port(channel + "valid").value = 0
                valids.remove(channel)

    async def _response(self, channel: str) -> None:
        self._port(channel + "ready").value = 1
        while True:
            await RisingEdge(self.dut.clk)
            if self._port(channel + "valid").value:
                break
        self._port(channel + "ready").value = 0

    async def write(self, offset: int, value: int) -> None:
        """Write ``value`` to the register at ``offset`` and await the response."""
        self._port("awaddr").value = offset
        self._port("wdata").value = value
        self._port("wstrb").value = 0xF
        await self._transfer(["aw", "w"])
        await self._response("b")

    async def read(self, offset: int) -> int:
        """Value of the register at ``offset``."""
        self._port("araddr").value = offset
        await self._transfer(["ar"])
        await self._response("r")
        return int(self._port("rdata").value.to_unsigned())


class InnerMemory:
    """The memory model in dram.sv: settings are ports, contents are files."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut

    def prepare(self, index: int, run: dict[str, Any]) -> None:
        """Set the model's ports as ``run`` says."""
        for name, value in run["settings"].items():
            getattr(self.dut, name).value = value

    def load(self, index: int) -> None:
        """Nothing to do: dram.sv reads the image at the load strobe."""

    def dump(self, index: int, run: dict[str, Any]) -> None:
        """Nothing to do: dram.sv writes the range at the dump strobe."""


class AxiRamMemory:
    """cocotbext-axi's AxiRam behind the AXI master at the top."""

    def __init__(self, dut: Any, size: int) -> None:
        from cocotbext.axi import AxiBus, AxiRam

        logging.getLogger("cocotb." + dut._name).setLevel(logging.WARNING)
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=size)
        self.size = size

    def prepare(self, index: int, run: dict[str, Any]) -> None:
        """Set the pauses of the five channels as ``run`` says."""
        write, read = self.ram.write_if, self.ram.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel]
        channels.append(read.r_channel)
        for number, channel in enumerate(channels):
            channel.set_pause_generator(_pauses(run["gap_seed"] + number, run["gap_rate"]))

    def load(self, index: int) -> None:
        """Fill the memory with the image of run ``index``, zeros after it."""
        image = Path(f"image_{index}.bin").read_bytes()
        self.ram.write(0, image + bytes(self.size - len(image)))

    def dump(self, index: int, run: dict[str, Any]) -> None:
        """Write the range that ``run`` names to a file."""
        lo, hi = run["dump"]
        Path(f"dump_{index}.bin").write_bytes(self.ram.read(lo, hi - lo))


def _pauses(seed: int, rate: float) -> Iterator[bool]:
    rng = random.Random(seed)
    while True:
        yield rng.random() < rate


class Bench:
    """Runs of one simulation, one after another, each from reset."""

    def __init__(self, dut: Any, host: AxiLite, memory: InnerMemory | AxiRamMemory) -> None:
        self.dut = dut
        self.host = host
        self.memory = memory

    async def run(self, index: int, run: dict[str, Any]) -> dict[str, Any]:
        """Do one run and return its entry of ``results.json``."""
        dut = self.dut
        await self.reset(index, run)
        entry: dict[str, Any] = {"failure": None, "registers": [], "quiet": False}
        if run["reset"] is not None:
            entry["failure"] = await self._interrupted(index, run)
        wall_time = 0.0
        if entry["failure"] is None:
            await self._start(run)
            begin = time.perf_counter()
            if run["stop"] is None:
                entry["failure"] = await self._interrupt(index, run["timeout"])
            else:
                await self._part(index, run["stop"] + STOP_MARGIN)
            wall_time = time.perf_counter() - begin
        entry["quiet"] = bool(dut.quiet.value)
        await RisingEdge(dut.clk)
        entry["registers"] = [await self.host.read(offset) for offset in run["reads"]]
        entry["violation"] = bool(dut.violation.value)
        await self._strobe(dut.dump)
        self.memory.dump(index, run)
        return entry | {"cycles": dut.run_cycles.value.to_unsigned(), "wall_time": wall_time}

    async def reset(self, index: int, run: dict[str, Any]) -> None:
        """Reset the machine with the settings and the image of a run."""
        dut = self.dut
        dut.run_index.value = index
        dut.axi_log.value = run["axi_log"]
        dut.cfg_start_addr.value, dut.cfg_start_data.value = run["start"]
        self.memory.prepare(index, run)
        dut.rst.value = 1
        await self._cycles(2)
        await self._load(index)
        dut.rst.value = 0
        await self._cycles(2)

    async def _start(self, run: dict[str, Any]) -> None:
        for offset, value in run["writes"]:
            await self.host.write(offset, value)
        await self.host.write(*run["start"])

    async def _interrupt(self, index: int, timeout: int) -> str | None:
        """Wait for the interrupt; ``None``, or what went wrong."""
        waited = 0
        while not self.dut.irq.value:
            if waited >= timeout:
                return f"no interrupt within {timeout} cycles"
            chunk = min(CHUNK, timeout - waited)
            await First(RisingEdge(self.dut.irq), Timer(chunk * PERIOD, "step"))
            waited += chunk
            Path("progress").write_text(f"{index} {waited}")
        return None

    async def _part(self, index: int, cycles: int) -> None:
        """Let so many cycles go by, and report them."""
        for done in range(0, cycles, CHUNK):
            Path("progress").write_text(f"{index} {done}")
            await Timer(min(CHUNK, cycles - done) * PERIOD, "step")
        await RisingEdge(self.dut.clk)

    async def _interrupted(self, index: int, run: dict[str, Any]) -> str | None:
        """Start the run, reset the machine in the middle of it and wait until it is idle."""
        reset = run["reset"]
        await self._start(run)
        await self._cycles(reset["after"])
        await self.host.write(*reset["write"])
        offset, mask, value = reset["idle"]
        deadline = get_sim_time("step") + run["timeout"] * PERIOD
        while await self.host.read(offset) & mask != value:
            if get_sim_time("step") > deadline:
                return f"not idle {run['timeout']} cycles after the soft reset"
        await self._load(index)
        return None

    async def _load(self, index: int) -> None:
        self.memory.load(index)
        await self._strobe(self.dut.load)

    async def _strobe(self, port: Any) -> None:
        port.value = 1
        await RisingEdge(self.dut.clk)
        port.value = 0
        await RisingEdge(self.dut.clk)

    async def _cycles(self, count: int) -> None:
        if count:
            await Timer(count * PERIOD, "step")
        await RisingEdge(self.dut.clk)


@cocotb.test()
async def all_runs(dut: Any) -> None:
    """Do the runs of ``runs.json``, one after another."""
    plan = json.loads(Path("runs.json").read_text())
    dut.load.value = 0
    dut.dump.value = 0
    dut.rst.value = 1
    Clock(dut.clk, PERIOD, unit="step").start()
    memory = AxiRamMemory(dut, plan["size"]) if plan["external"] else InnerMemory(dut)
    bench = Bench(dut, AxiLite(dut), memory)
    results = [await bench.run(index, run) for index, run in enumerate(plan["runs"])]
    Path("results.json").write_text(json.dumps(results))
