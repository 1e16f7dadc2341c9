"""Random traffic on the AXI4-Lite port while programs run, each cycle compared with a model.

cocotbext-axi's master writes and reads at once, with random pauses on all channels. Reads
``traffic.json`` in the working directory and leaves ``seen.json``: how much there was of what.
"""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from hw.spec import regs
from hw.tools.cosim.bench import (
    PERIOD,
    Bench,
    InnerMemory,
)
from tests.hw.ctrl.register_model import CONTROL, LOCKED, START, STATUS, Outcome, Registers

MARGIN = 500
"""Cycles before the end of a run in which nobody sets the start bit: no write takes longer."""
AFTER = 100
"""Cycles of traffic after a run."""
USED = tuple(register.offset for register in regs.registers())
HOLES = tuple(sorted(set(range(0, 1 << regs.ADDR_WIDTH, 4)) - set(USED)))


class Watcher:
    """Follows the port with the model, cycle by cycle."""

    def __init__(self, dut: Any, model: Registers) -> None:
        self.dut, self.model = dut, model
        self.seen = Counter()
        self._reading = (0, 0, 0)

    async def watch(self) -> None:
        while True:
            await RisingEdge(self.dut.clk)
            self._cycle()

    def _cycle(self) -> None:
        model = self.model
        assert bool(self.dut.irq.value) == model.irq, f"irq, cycle {model.elapsed} of the run"
        if self._taken("r"):
            self._answered()
        if self._taken("ar"):
            offset = self._value("araddr") & ~3
            self._reading = (offset, *model.reading(offset))
            self.seen["reads while busy" if model.busy else "reads"] += 1
        write = None
        if self._taken("aw"):
            assert self._taken("w")
            write = (self._value("awaddr") & ~3, self._value("wdata"), self._value("wstrb"))
            self._count(*write)
        model.end_cycle(write)

    def _answered(self) -> None:
        offset, least, most = self._reading
        value = self._value("rdata")
        assert least <= value <= most, f"{offset:#x} gives {value:#x}, not {least:#x} to {most:#x}"
        self.model.saw(offset, value)

    def _count(self, offset: int, data: int, strobe: int) -> None:
        busy = self.model.busy
        self.seen["writes while busy" if busy else "writes"] += 1
        self.seen["partial strobes"] += strobe != 0xF
        self.seen["holes"] += offset in HOLES
        self.seen["starts while busy"] += busy and offset == CONTROL and data & strobe & START

    def _taken(self, channel: str) -> bool:
        return bool(self._value(channel + "valid") and self._value(channel + "ready"))

    def _value(self, name: str) -> int:
        return int(getattr(self.dut, "s_axil_" + name).value)


class Traffic:
    """A host that writes and reads registers at random, and runs programs in between."""

    def __init__(self, dut: Any, model: Registers, seed: int) -> None:
        logging.getLogger(f"cocotb.{dut._name}.s_axil").setLevel(logging.WARNING)
        self.model = model
        self.rng = random.Random(seed)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst)

    async def run(self, settings: list[tuple[int, int]]) -> None:
        """One run with traffic during it and after it."""
        self._pause()
        for offset, value in settings:
            await self.master.write(offset, value.to_bytes(4, "little"))
        control = START | self.rng.getrandbits(1) << 2
        await self.master.write(CONTROL, bytes([control]))
        writes = cocotb.start_soon(self._until_idle(self._write))
        await self._until_idle(self._read)
        await writes

    async def _until_idle(self, access) -> None:
        while self.model.run is not None:
            await access()
        for _ in range(AFTER):
            await access()

    def _pause(self) -> None:
        """Other pauses on each channel."""
        write, read = self.master.write_if, self.master.read_if
        for channel in (
            write.aw_channel,
            write.w_channel,
            write.b_channel,
            read.ar_channel,
            read.r_channel,
        ):
            rate, seed = self.rng.choice((0, 0.2, 0.5, 0.8)), self.rng.random()
            channel.set_pause_generator(_pauses(rate, seed))

    async def _write(self) -> None:
        rng = self.rng
        offset = rng.choice((CONTROL, STATUS, rng.choice(LOCKED), rng.choice(USED + HOLES)))
        first = rng.choice((0, 0, 0, 1, 2, 3))
        data = bytearray(rng.randbytes(rng.randint(1, 4 - first)))
        if offset == CONTROL and first == 0:
            data[0] &= ~3
            data[0] |= self._may_start() and rng.getrandbits(1)
        await self.master.write(offset + first, bytes(data))

    def _may_start(self) -> bool:
        run = self.model.run
        return run is not None and self.model.elapsed < run.cycles - MARGIN

    async def _read(self) -> None:
        rng = self.rng
        offset = rng.choice((STATUS, rng.choice(LOCKED), rng.choice(USED), rng.choice(HOLES)))
        first = rng.randrange(4)
        await self.master.read(offset + first, rng.randint(1, 4 - first))


def _pauses(rate: float, seed: float) -> Iterator[bool]:
    rng = random.Random(seed)
    while True:
        yield rng.random() < rate


@cocotb.test()
async def traffic_changes_nothing(dut: Any) -> None:
    plan = json.loads(Path("traffic.json").read_text())
    dut.load.value, dut.dump.value, dut.rst.value = 0, 0, 1
    Clock(dut.clk, PERIOD, unit="step").start()
    model = Registers({int(addr): Outcome(**o) for addr, o in plan["programs"].items()})
    traffic, watcher = Traffic(dut, model, plan["seed"]), Watcher(dut, model)
    bench = Bench(dut, traffic.master, InnerMemory(dut))
    await bench.reset(0, json.loads(Path("runs.json").read_text())["runs"][0])
    watching = cocotb.start_soon(watcher.watch())
    for settings in plan["runs"]:
        await traffic.run(settings)
    watching.cancel()
    assert not dut.violation.value
    Path("seen.json").write_text(json.dumps(watcher.seen))
