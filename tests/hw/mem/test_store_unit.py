"""The STORE unit beside a stub of the scratchpad: addresses, words and the cycles of the page."""

import pytest
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.sim import Simulator

from hw import command_layouts
from hw.mem.store_unit import StoreUnit
from hw.spec.config import preset
from hw.spec.timing import READ_LATENCY

RUNS, LENGTH, STRIDE = 2, 10, 16
FIRST = 5
ADDR, ADDR_STRIDE = 0x2000 - 3 * 4, 0x1000


class _StoreBench(Elaboratable):
    """The unit, a phase counter, and a scratchpad whose word ``a`` holds ``a``."""

    def __init__(self):
        self.dut = StoreUnit(preset("tiny"))
        self.phase = Signal(3)

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        requests, lines = [dut.scratchpad.en], [dut.scratchpad.line]
        for i in range(READ_LATENCY):
            valid, line = Signal(name=f"valid_{i}"), Signal(17, name=f"line_{i}")
            m.d.sync += valid.eq(requests[-1]), line.eq(lines[-1])
            requests.append(valid)
            lines.append(line)
        m.d.sync += self.phase.eq(self.phase + 1)
        m.d.comb += dut.phase.eq(self.phase), dut.scratchpad.valid.eq(requests[-1])
        m.d.comb += [dut.scratchpad.data.word_select(i, 32).eq(lines[-1] * 8 + i) for i in range(8)]
        return m


COMMAND = command_layouts.STORE.const(
    {
        "opcode": 2,
        "wait_load": 0,
        "wait_execute": 0,
        "wait_store": 0,
        "dram_addr": ADDR,
        "dram_stride": ADDR_STRIDE,
        "scratchpad_addr": FIRST,
        "scratchpad_stride": STRIDE,
        "row_count": RUNS,
        "row_length": LENGTH,
        "index": 7,
    }
)
WORDS = [FIRST + run * STRIDE + i for run in range(RUNS) for i in range(LENGTH)]
BURSTS = [(ADDR, 3), (0x2000, 7), (ADDR + ADDR_STRIDE, 3), (0x3000, 7)]


def _simulate(top, bench):
    simulator = Simulator(top)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("stalls", [False, True], ids=["steady", "stalls"])
def test_store_sends_runs_in_bursts(stalls):
    top = _StoreBench()
    dut = top.dut
    events = {"aw": [], "w": [], "read": [], "take": [], "start": [], "done": []}

    async def bench(ctx):
        ctx.set(dut.command.payload, COMMAND)
        ctx.set(dut.address_ranges.write_limit, 0x8000)
        ctx.set(dut.command.valid, 1)
        answers = []
        for cycle in range(120):
            ready = not stalls or cycle % 3 == 0
            ctx.set(dut.aw.ready, ready)
            ctx.set(dut.w.ready, ready and bool(events["aw"]))
            ctx.set(dut.b_valid, cycle in answers)
            if ctx.get(dut.command.valid & dut.command.ready):
                events["take"].append(cycle)
            if ctx.get(dut.aw.valid) and ready:
                events["aw"].append(
                    (cycle, ctx.get(dut.aw.payload.addr), ctx.get(dut.aw.payload.beats))
                )
            if ctx.get(dut.w.valid & dut.w.ready):
                assert ctx.get(dut.w.strobe)
                events["w"].append((cycle, ctx.get(dut.w.data), ctx.get(dut.w.last)))
                if ctx.get(dut.w.last):
                    answers.append(cycle + 8)
            if ctx.get(dut.scratchpad.en):
                events["read"].append(cycle)
            for name in ("start", "done"):
                if ctx.get(getattr(dut.trace, name)):
                    events[name].append(cycle)
            await ctx.tick()
            if events["take"]:
                ctx.set(dut.command.valid, 0)

        assert [e[1:] for e in events["aw"]] == BURSTS
        assert [e[1] for e in events["w"]] == WORDS
        lasts = [2, 9, 12, 19]
        assert [i for i, e in enumerate(events["w"]) if e[2]] == lasts
        # Taken in 0, started in 1, in run from 2 on.
        assert events["take"] == [0] and events["start"] == [1]
        assert all(cycle % 8 == 0 for cycle in events["read"])
        assert events["w"][0][0] >= events["read"][0] + READ_LATENCY + 1
        assert events["done"] == [max(answers) + 1]
        assert ctx.get(dut.done) == 1 and ctx.get(dut.idle)
        if not stalls:
            assert events["aw"][0][0] == 3
            assert [e[0] for e in events["w"][:3]] == [9 + READ_LATENCY + i for i in range(3)]

    _simulate(top, bench)


def test_words_do_not_wait_for_the_address_to_be_taken():
    """AXI4, A3.3.1: a manager must not wait for AWREADY before WVALID. This memory takes an address
    only with the burst's last word."""
    top = _StoreBench()
    dut = top.dut

    async def bench(ctx):
        bursts, words, answer = [], [], None
        ctx.set(dut.command.payload, COMMAND)
        ctx.set(dut.address_ranges.write_limit, 0x8000)
        ctx.set(dut.command.valid, 1)
        ctx.set(dut.w.ready, 1)
        for cycle in range(200):
            taken = ctx.get(dut.w.valid & dut.w.last)
            ctx.set(dut.aw.ready, taken)
            ctx.set(dut.b_valid, cycle == answer)
            if ctx.get(dut.w.valid):
                words.append(ctx.get(dut.w.data))
            if taken:
                assert ctx.get(dut.aw.valid)
                burst = dut.aw.payload
                bursts.append((ctx.get(burst.addr), ctx.get(burst.beats)))
                answer = cycle + 1
            begun = ctx.get(dut.command.ready)
            await ctx.tick()
            if begun:
                ctx.set(dut.command.valid, 0)
        assert (bursts, words) == (BURSTS, WORDS)
        assert ctx.get(dut.done) == 1 and ctx.get(dut.idle) and ctx.get(dut.empty)

    _simulate(top, bench)
