"""Drives dram.sv alone with random traffic and compares every cycle with the reference."""

import json
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from tests.hw.tools.cosim.dram_reference import (
    DramReference,
    Inputs,
)

CYCLES = 4000
ORIGINS = (0, 0x4000_0000, 0xFFFF_F000)
"""Addresses of the storage; from the last one on, addresses go round."""
# (latency, interval, chance of arvalid, rready, awvalid, wvalid, bready, longest burst)
TRAFFIC = {
    "saturated": (64, 1, 1.0, 1.0, 1.0, 1.0, 1.0, 64),
    "single beats": (64, 1, 1.0, 1.0, 1.0, 1.0, 1.0, 1),
    "stalling": (64, 1, 0.3, 0.5, 0.3, 0.5, 0.2, 8),
    "throttled": (20, 4, 0.8, 0.9, 0.8, 0.9, 0.9, 16),
    "no latency": (1, 1, 0.5, 0.8, 0.5, 0.8, 0.8, 4),
}


class Stimulus:
    def __init__(self, rng, config, width, depth):
        self.rng, self.config, self.width, self.depth = rng, config, width, depth
        self.now = Inputs()

    def _address(self):
        longest = self.config[7]
        beats = self.rng.randint(1, longest)
        # One burst in 16 lies beyond the memory's end; none straddles it.
        words = self.depth // self.width - longest
        addr = self.rng.randrange(words) * self.width + (self.rng.random() < 1 / 16) * self.depth
        return addr, beats - 1

    def next(self, arready, awready):
        _, _, ar, r, aw, w, b, _ = self.config
        rng, i = self.rng, self.now
        if not i.arvalid or arready:
            i.arvalid = int(rng.random() < ar)
            i.araddr, i.arlen = self._address()
        if not i.awvalid or awready:
            i.awvalid = int(rng.random() < aw)
            i.awaddr, i.awlen = self._address()
        i.rready = int(rng.random() < r)
        i.wvalid = int(rng.random() < w)
        i.wdata = rng.getrandbits(8 * self.width)
        i.wstrb = rng.getrandbits(self.width) if rng.random() < 0.5 else (1 << self.width) - 1
        i.bready = int(rng.random() < b)
        return i


def shown(dut, inputs):
    r = w = b = None
    rvalid = int(dut.m_axi_rvalid.value)
    if rvalid and inputs.rready:
        data = dut.m_axi_rdata.value.to_unsigned()
        r = (data, int(dut.m_axi_rlast.value), int(dut.m_axi_rresp.value))
    w = int(dut.m_axi_wready.value) & inputs.wvalid
    if int(dut.m_axi_bvalid.value):
        b = int(dut.m_axi_bresp.value)
    ready = {name: int(getattr(dut, "m_axi_" + name).value) for name in ("arready", "awready")}
    return ready | {"r": r, "w": w, "b": b}


async def compare(dut, name, config, plan):
    width, depth = plan["width"], plan["depth"]
    rng = random.Random(f"{plan['seed']} {name}")
    errors = [(256, 300, 2), (1024, 1025, 3)]
    image = bytes(rng.randrange(256) for _ in range(depth // 2))
    words = [image[at : at + width][::-1] for at in range(0, len(image), width)]
    Path("image_0.bin").write_bytes(b"".join(words))
    memory = bytearray(image.ljust(depth, b"\0"))
    reference = DramReference(width, depth, *config[:2], *errors, memory, *plan["limits"])
    dut.rst.value, dut.load.value, dut.dump.value, dut.run_index.value = 1, 1, 0, 0
    origin = dut.cfg_origin.value = rng.choice(ORIGINS)
    dut.cfg_latency.value, dut.cfg_interval.value = config[:2]
    dut.cfg_gap_rate.value = 0
    dut.cfg_silent_channels.value = 0
    for kind, (lo, hi, resp) in zip(("read", "write"), errors, strict=True):
        getattr(dut, f"cfg_err_{kind}_lo").value = lo
        getattr(dut, f"cfg_err_{kind}_hi").value = hi
        getattr(dut, f"cfg_err_{kind}_resp").value = resp
    stimulus = Stimulus(rng, config, width, depth)
    await RisingEdge(dut.clk)
    dut.load.value = 0
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    expected = {"arready": 0, "awready": 0}
    moved = {"r": 0, "w": 0, "b": 0}
    for cycle in range(CYCLES):
        inputs = stimulus.next(expected["arready"], expected["awready"])
        for port, value in vars(inputs).items():
            there = (value + origin) % (1 << 32) if port.endswith("addr") else value
            getattr(dut, "m_axi_" + port).value = there
        await ReadOnly()
        seen = shown(dut, inputs)
        expected = reference.cycle_outputs(inputs)
        assert seen == expected, f"{name}, cycle {cycle}: {seen}, not {expected}"
        moved["r"] += expected["r"] is not None
        moved["w"] += expected["w"]
        moved["b"] += expected["b"] is not None and inputs.bready
        await RisingEdge(dut.clk)
    dut._log.info("%s: %s", name, moved)
    assert moved["r"] > CYCLES / 40 and moved["w"] > CYCLES / 40 and moved["b"] > 10


@cocotb.test()
async def equals_the_statement(dut):
    plan = json.loads(Path("plan.json").read_text())
    Clock(dut.clk, 2, unit="step").start()
    for name, config in TRAFFIC.items():
        await compare(dut, name, config, plan)
