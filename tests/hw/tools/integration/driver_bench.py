"""The side inside the simulator: the C driver does what a bench does otherwise.

Each register access of the C code blocks until the access on the AXI4-Lite port has ended. Reads
``runs.json`` and ``driver.json`` in the working directory, and leaves ``seen.json`` there: what the
driver's functions said.
"""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import RisingEdge

from hw.spec.regs import Counter
from hw.tools.cosim.bench import (
    PERIOD,
    AxiLite,
    Bench,
    InnerMemory,
)

BASE = 0x4000_0000
"""Address of the registers as the driver sees them."""
POLLS = 10_000
EARLY = 200
"""Cycles after which a run still goes on."""

READ = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_size_t)
WRITE = ctypes.CFUNCTYPE(None, ctypes.c_size_t, ctypes.c_uint32)


class Accel(ctypes.Structure):
    """``struct accel``."""

    _fields_ = [("base", ctypes.c_size_t), ("read", READ), ("write", WRITE)]


class Program(ctypes.Structure):
    """``struct accel_program``."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("base", "address", "size")),
        *((name, ctypes.c_uint32) for name in ("read_base", "read_limit")),
        ("write_base", ctypes.c_uint32), ("write_limit", ctypes.c_uint32),
        ("code", ctypes.c_char_p),
    ]  # fmt: skip


class Fault(ctypes.Structure):
    """``struct accel_fault``."""

    _fields_ = [("code", ctypes.c_uint32), ("command", ctypes.c_uint32)]


class Driver:
    """The C functions as coroutines; ``fault`` is what they set."""

    def __init__(self, library: str, host: AxiLite) -> None:
        self._library = ctypes.CDLL(library)
        for name in ("accel_cycles", "accel_counter"):
            getattr(self._library, name).restype = ctypes.c_uint64
        read, write = resume(host.read), resume(host.write)
        self._accel = Accel(
            BASE,
            READ(lambda address: read(address - BASE)),
            WRITE(lambda address, value: write(address - BASE, value)),
        )
        self.fault = Fault()

    async def __call__(self, name: str, *arguments: Any) -> int:
        function = getattr(self._library, f"accel_{name}")
        return await bridge(lambda: function(ctypes.byref(self._accel), *arguments))()

    async def start(
        self, program: list[int], interrupt: bool, code: list[int] | None = None
    ) -> int:
        """``code`` is what the processor sees of the program, if anything."""
        seen = None if code is None else bytes(code)
        return await self("start", ctypes.byref(Program(*program, seen)), int(interrupt))

    async def ask(self, name: str, *arguments: Any) -> list[int]:
        """The result of ``name``, and the fault that it set."""
        self.fault = Fault()
        result = await self(name, ctypes.byref(self.fault), *arguments)
        return [result, self.fault.code, self.fault.command]


class DriverBench(Bench):
    """One run of the machine from reset, in which it does all that a driver may meet."""

    async def drive(self, driver: Driver, plan: dict) -> dict:
        """What was seen, by name."""
        await self.reset(0, plan["run"])
        seen = {"probe": await driver("probe"), "fresh": await driver.ask("poll")}
        seen |= await self.refused(driver, plan)
        seen |= await self.foreign(driver, plan)
        seen |= await self.faulty(driver, plan)
        seen |= await self.interrupted(driver, plan)
        seen |= await self.complete(driver, plan)
        seen |= await self.polled(driver, plan)
        seen["violation"] = bool(self.dut.violation.value)
        await self._strobe(self.dut.dump)
        return seen

    async def refused(self, driver: Driver, plan: dict) -> dict:
        base, address, size, *address_ranges = plan["good"]
        high = 0xFFFF_F000
        return {
            "high address": await driver.start([high, 1 << 20, size, 0, 0, 0, 0], True),
            "high read limit": await driver.start([high, address, size, 0, 4097, 0, 0], True),
            "high write limit": await driver.start([high, address, size, 0, 0, 0, 4097], True),
            "odd base": await driver.start([base + 0x800, address, size, *address_ranges], True),
            "odd address": await driver.start([base, address + 4, size, *address_ranges], True),
            "no size": await driver.start([base, address, 0, *address_ranges], True),
            "odd size": await driver.start([base, address, size + 4, *address_ranges], True),
            "other code": await driver.start(plan["good"], True, plan["other code"]),
            "accepts": [await driver("accepts", value) for value in plan["fingerprints"]],
            "still fresh": await driver.ask("poll"),
        }

    async def foreign(self, driver: Driver, plan: dict) -> dict:
        """A program for another machine, which the driver does not see."""
        seen = {"foreign start": await driver.start(plan["other"], True)}
        await RisingEdge(self.dut.irq)
        return seen | {"foreign": await driver.ask("interrupt")}

    async def faulty(self, driver: Driver, plan: dict) -> dict:
        """A program with an illegal command, to its interrupt; then a soft reset."""
        seen = {"faulty start": await driver.start(plan["bad"], True)}
        await RisingEdge(self.dut.irq)
        seen["fault"] = await driver.ask("poll")
        seen["fault answered"] = await driver.ask("interrupt")
        seen["irq answered"] = bool(self.dut.irq.value)
        seen["after the fault"] = await driver.ask("poll")
        await driver.start(plan["bad"], True)
        await RisingEdge(self.dut.irq)
        seen["reset"] = await driver("reset", POLLS)
        seen["irq reset"] = bool(self.dut.irq.value)
        seen["after the reset"] = await driver.ask("poll")
        return seen

    async def interrupted(self, driver: Driver, plan: dict) -> dict:
        """A soft reset in the middle of a good run."""
        await driver.start(plan["good"], True)
        await self._cycles(EARLY)
        return {
            "early": await driver.ask("poll"),
            "second start": await driver.start(plan["good"], True),
            "impatient": await driver.ask("wait", 3),
            "early reset": await driver("reset", POLLS),
            "early reset done": await driver.ask("poll"),
        }

    async def complete(self, driver: Driver, plan: dict) -> dict:
        """A good run to its interrupt."""
        await driver.start(plan["good"], True, plan["code"])
        await RisingEdge(self.dut.irq)
        seen = {"answered": await driver.ask("interrupt"), "irq": bool(self.dut.irq.value)}
        seen["second answer"] = await driver.ask("interrupt")
        seen["cycles"] = await driver("cycles")
        seen["counters"] = [await driver("counter", counter) for counter in Counter]
        seen["no counter"] = await driver("counter", len(Counter))
        return seen

    async def polled(self, driver: Driver, plan: dict) -> dict:
        """A good run with the interrupt disabled."""
        await driver.start(plan["good"], False)
        seen = {"waited": await driver.ask("wait", POLLS)}
        seen["irq disabled"] = bool(self.dut.irq.value)
        seen["polled cycles"] = await driver("cycles")
        return seen


@cocotb.test()
async def the_driver_drives(dut: Any) -> None:
    plan = json.loads(Path("driver.json").read_text())
    plan["run"] = json.loads(Path("runs.json").read_text())["runs"][0]
    dut.load.value, dut.dump.value, dut.rst.value = 0, 0, 1
    Clock(dut.clk, PERIOD, unit="step").start()
    host = AxiLite(dut)
    bench = DriverBench(dut, host, InnerMemory(dut))
    seen = await bench.drive(Driver(plan["library"], host), plan)
    Path("seen.json").write_text(json.dumps(seen))
