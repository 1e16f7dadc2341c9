"""The register file: access rules of the tables, and the start and end of a run."""

import random

from amaranth.sim import Simulator

from hw.ctrl.regfile import RegisterFile
from hw.spec import regs
from hw.spec.regs import Counter, Fault, offset_of


class Bus:
    """An AXI4-Lite manager; a transfer takes two cycles, and the read of a counter three."""

    def __init__(self, ctx, dut):
        self.ctx, self.dut, self.axil = ctx, dut, dut.axil

    async def write(self, offset, value, strobe=0b1111):
        ctx, axil = self.ctx, self.axil
        ctx.set(axil.awaddr, offset)
        ctx.set(axil.wdata, value)
        ctx.set(axil.wstrb, strobe)
        ctx.set(axil.awvalid, 1)
        ctx.set(axil.wvalid, 1)
        assert ctx.get(axil.awready & axil.wready)
        await ctx.tick()
        ctx.set(axil.awvalid, 0)
        ctx.set(axil.wvalid, 0)
        assert ctx.get(axil.bvalid) and ctx.get(axil.bresp) == 0
        ctx.set(axil.bready, 1)

    async def read(self, offset):
        ctx, axil = self.ctx, self.axil
        ctx.set(axil.araddr, offset)
        ctx.set(axil.arvalid, 1)
        counted = 0 <= offset - regs.COUNTER_BASE < regs.COUNTER_STRIDE * len(Counter)
        if counted and not ctx.get(axil.arready):
            await ctx.tick()
        assert ctx.get(axil.arready)
        await ctx.tick()
        ctx.set(axil.arvalid, 0)
        if counted:
            assert not ctx.get(axil.rvalid) and not ctx.get(axil.arready)
            await ctx.tick()
        assert ctx.get(axil.rvalid)
        value = ctx.get(axil.rdata)
        ctx.set(axil.rready, 1)
        await ctx.tick()
        return value


class SlowBus(Bus):
    """One whose channels come and are taken at random times, address and data apart."""

    def __init__(self, ctx, dut, rng):
        super().__init__(ctx, dut)
        self.rng = rng
        ctx.set(self.axil.bready, 0)
        ctx.set(self.axil.rready, 0)

    async def _send(self, *channels):
        """Raise the valid signals at random times, each until it is taken."""
        ctx, axil = self.ctx, self.axil
        left = set(channels)
        while left:
            for channel in left:
                valid = getattr(axil, f"{channel}valid")
                ctx.set(valid, ctx.get(valid) or self.rng.random() < 0.4)
            taken = {
                c
                for c in left
                if ctx.get(getattr(axil, f"{c}valid")) and ctx.get(getattr(axil, f"{c}ready"))
            }
            await ctx.tick()
            for channel in taken:
                ctx.set(getattr(axil, f"{channel}valid"), 0)
            left -= taken

    async def _take(self, channel, *payload):
        """Be ready at a random time; the answer stands until then."""
        ctx, axil = self.ctx, self.axil
        valid, ready = getattr(axil, f"{channel}valid"), getattr(axil, f"{channel}ready")
        assert ctx.get(valid)
        first = [ctx.get(getattr(axil, name)) for name in payload]
        for _ in range(self.rng.randrange(4)):
            await ctx.tick()
            assert ctx.get(valid) and [ctx.get(getattr(axil, name)) for name in payload] == first
        ctx.set(ready, 1)
        await ctx.tick()
        ctx.set(ready, 0)
        assert not ctx.get(valid)
        return first

    async def write(self, offset, value, strobe=0b1111):
        for name, sent in (("awaddr", offset), ("wdata", value), ("wstrb", strobe)):
            self.ctx.set(getattr(self.axil, name), sent)
        await self._send("aw", "w")
        assert await self._take("b", "bresp") == [0]

    async def read(self, offset):
        self.ctx.set(self.axil.araddr, offset)
        await self._send("ar")
        value, response = await self._take("r", "rdata", "rresp")
        assert response == 0
        return value


def _simulate(bench):
    dut = RegisterFile()
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)

    async def testbench(ctx):
        await bench(Bus(ctx, dut))

    simulator.add_testbench(testbench)
    simulator.run()


def test_reset_values_and_writable_registers():
    async def bench(bus):
        for register in regs.registers():
            assert await bus.read(register.offset) == register.reset, register.name
        for register in regs.registers()[4:10]:
            writable = register.fields[0].access == "rw"
            await bus.write(register.offset, 0x89ABCDEF)
            await bus.ctx.tick()
            assert await bus.read(register.offset) == (0x89ABCDEF if writable else 0)
            await bus.write(register.offset, 0x11223344, strobe=0b0101)
            await bus.ctx.tick()
            assert await bus.read(register.offset) == (0x8922CD44 if writable else 0)
        assert await bus.read(0x3F8) == 0

    _simulate(bench)


def test_channels_may_come_apart_and_answers_wait(seed):
    rng = random.Random(seed)

    async def bench(bus):
        slow = SlowBus(bus.ctx, bus.dut, rng)
        offsets = [offset_of(name) for name in ("read_base", "read_limit", "write_base")]
        written = dict.fromkeys(offsets, 0)
        for _ in range(60):
            offset = rng.choice(offsets)
            if rng.random() < 0.5:
                written[offset] = rng.getrandbits(32)
                await slow.write(offset, written[offset])
            else:
                assert await slow.read(offset) == written[offset]

    _simulate(bench)


def test_the_machine_is_busy_until_the_bus_is_quiet():
    """A run that ended because the memory no longer answers is not followed by another."""

    async def bench(bus):
        bus.ctx.set(bus.dut.quiet, 0)
        await bus.write(offset_of("control"), 1)
        await bus.ctx.tick().repeat(2)
        assert await bus.read(offset_of("status")) == 1 and not bus.ctx.get(bus.dut.running)
        bus.ctx.set(bus.dut.quiet, 1)
        await bus.write(offset_of("control"), 1)
        await bus.ctx.tick().repeat(2)
        assert bus.ctx.get(bus.dut.running)

    _simulate(bench)


def test_counters_are_read_in_halves_when_their_turn_comes():
    async def bench(bus):
        ctx, dut = bus.ctx, bus.dut
        for counter in Counter:
            name = counter.name.lower()
            for half, value in (("lo", counter), ("hi", counter + 1)):
                ctx.set(dut.counter_ready, 0)
                ctx.set(dut.axil.araddr, offset_of(f"{name}_{half}"))
                ctx.set(dut.axil.arvalid, 1)
                await ctx.tick().repeat(3)
                assert ctx.get(dut.counter) == counter
                assert not ctx.get(dut.axil.arready) and not ctx.get(dut.axil.rvalid)
                ctx.set(dut.counter_value, 0x100000000 * (counter + 1) + counter)
                ctx.set(dut.counter_ready, 1)
                assert await bus.read(offset_of(f"{name}_{half}")) == value

    _simulate(bench)


def test_start_runs_and_done_interrupts():
    async def bench(bus):
        ctx, dut = bus.ctx, bus.dut
        await bus.write(offset_of("control"), 0b101)
        assert ctx.get(dut.start) and not ctx.get(dut.running)
        await ctx.tick()
        assert not ctx.get(dut.start) and ctx.get(dut.running)
        assert await bus.read(offset_of("status")) == 1
        await bus.write(offset_of("program_addr"), 0x1000)
        await ctx.tick()
        await bus.write(offset_of("control"), 0b101)
        assert not ctx.get(dut.start)
        ctx.set(dut.done, 1)
        assert not ctx.get(dut.irq)
        await ctx.tick()
        ctx.set(dut.done, 0)
        assert ctx.get(dut.irq) and not ctx.get(dut.running)
        assert await bus.read(offset_of("program_addr")) == 0
        await bus.write(offset_of("control"), 0)
        assert not ctx.get(dut.irq)
        await ctx.tick()
        assert await bus.read(offset_of("status")) == 0b10
        await bus.write(offset_of("status"), 0b10)
        await ctx.tick()
        assert await bus.read(offset_of("status")) == 0

    _simulate(bench)


def test_fault_stays_until_cleared_or_started_again():
    async def bench(bus):
        ctx, dut = bus.ctx, bus.dut
        for clear in ("status", "control"):
            await bus.write(offset_of("control"), 0b101)
            await ctx.tick()
            ctx.set(dut.fault, 1)
            ctx.set(dut.fault_code, Fault.ADDRESS_RANGE)
            ctx.set(dut.fault_index, 77)
            await ctx.tick()
            ctx.set(dut.fault, 0)
            assert ctx.get(dut.irq)
            assert await bus.read(offset_of("status")) == 0b100 | Fault.ADDRESS_RANGE << 8
            assert await bus.read(offset_of("fault_index")) == 77
            await bus.write(offset_of(clear), 0b101)
            assert not ctx.get(dut.irq)
            await ctx.tick()
            assert await bus.read(offset_of("status")) == int(clear == "control")

    _simulate(bench)


def test_soft_reset_waits_to_be_cleared():
    async def bench(bus):
        ctx, dut = bus.ctx, bus.dut
        await bus.write(offset_of("control"), 0b101)
        await ctx.tick()
        await bus.write(offset_of("control"), 0b111)
        assert ctx.get(dut.resetting) and not ctx.get(dut.running) and not ctx.get(dut.start)
        await ctx.tick()
        assert await bus.read(offset_of("status")) == 1
        await bus.write(offset_of("control"), 0b101)
        assert not ctx.get(dut.start)
        ctx.set(dut.cleared, 1)
        await ctx.tick()
        ctx.set(dut.cleared, 0)
        assert await bus.read(offset_of("status")) == 0

    _simulate(bench)
