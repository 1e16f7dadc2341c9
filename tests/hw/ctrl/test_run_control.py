"""The monitor: which fault counts, when a run ends, and the watchdog's cycle."""

import pytest

from hw.ctrl import run_control
from hw.ctrl.run_control import RunControl
from hw.spec.regs import Fault
from tests.hw.support.units import simulate

WATCHDOG = 20
UNITS = ("fetch", "load", "store", "execute")


async def _begin(ctx, dut, **values):
    """A program runs, and something moves in every cycle; ``values`` beside that."""
    for name, value in {"running": 1, "moves": 1, "idle": 1, "empty": 1, **values}.items():
        ctx.set(getattr(dut, name), value)
    await ctx.tick()


def _raise(ctx, dut, unit, code, index, raised=1):
    report = getattr(dut, f"{unit}_fault")
    ctx.set(report.raised, raised)
    ctx.set(report.code, code)
    ctx.set(report.index, index)


def _reported(ctx, dut):
    return ctx.get(dut.code), ctx.get(dut.index)


@pytest.mark.parametrize("first", range(len(UNITS)))
def test_of_faults_in_one_cycle_the_first_unit_counts(first):
    dut = RunControl()

    async def bench(ctx):
        await _begin(ctx, dut)
        for number, unit in enumerate(UNITS[first:], first):
            _raise(ctx, dut, unit, Fault.ADDRESS_RANGE, 10 + number)
        await ctx.tick().repeat(2)
        assert _reported(ctx, dut) == (Fault.ADDRESS_RANGE, 10 + first)
        assert ctx.get(dut.next_stop) and ctx.get(dut.fault)
        _raise(ctx, dut, "fetch", Fault.NO_END, 1)
        await ctx.tick().repeat(2)
        assert _reported(ctx, dut) == (Fault.ADDRESS_RANGE, 10 + first)

    simulate(dut, bench)


def test_a_fault_waits_for_the_bus_and_stops_the_units_meanwhile():
    dut = RunControl()

    async def bench(ctx):
        await _begin(ctx, dut, empty=0)
        _raise(ctx, dut, "load", Fault.READ_ERROR, 3)
        assert not ctx.get(dut.next_stop)
        await ctx.tick()
        _raise(ctx, dut, "load", 0, 0, raised=0)
        for _ in range(5):
            assert ctx.get(dut.next_stop) and not ctx.get(dut.fault)
            await ctx.tick()
        ctx.set(dut.empty, 1)
        assert ctx.get(dut.fault) and not ctx.get(dut.done)

    simulate(dut, bench)


def test_a_fault_comes_before_an_end_in_the_next_cycle():
    dut = RunControl()

    async def bench(ctx):
        await _begin(ctx, dut)
        _raise(ctx, dut, "execute", Fault.SCRATCHPAD_RANGE, 9)
        await ctx.tick()
        ctx.set(dut.end_pending, 1)
        assert not ctx.get(dut.done)
        await ctx.tick()
        assert not ctx.get(dut.done) and ctx.get(dut.fault)
        assert _reported(ctx, dut) == (Fault.SCRATCHPAD_RANGE, 9)

    simulate(dut, bench)


@pytest.mark.parametrize("count", ["load", "execute", "store"])
def test_the_end_waits_for_its_counts_and_for_the_bus(count):
    dut = RunControl()

    async def bench(ctx):
        ctx.set(getattr(dut.end_waits, count), 2)
        ctx.set(getattr(dut.counts, count), 1)
        await _begin(ctx, dut, end_pending=1, idle=0)
        assert not ctx.get(dut.next_stop) and not ctx.get(dut.done)
        ctx.set(getattr(dut.counts, count), 2)
        assert not ctx.get(dut.done)  # a LOAD or a STORE that END does not wait for
        await ctx.tick()
        assert ctx.get(dut.next_stop) and ctx.get(dut.done)
        ctx.set(dut.empty, 0)
        assert not ctx.get(dut.done)

    simulate(dut, bench)


@pytest.mark.parametrize("raised", [0, 1, WATCHDOG - 3, WATCHDOG - 2])
def test_a_fault_waits_for_a_silent_bus_no_longer_than_the_watchdog(monkeypatch, raised):
    monkeypatch.setattr(run_control, "WATCHDOG", WATCHDOG)
    dut = RunControl()

    async def bench(ctx):
        await _begin(ctx, dut, last=7, empty=0)
        ctx.set(dut.moves, 0)
        for cycle in range(WATCHDOG):
            _raise(ctx, dut, "store", Fault.WRITE_ERROR, 3, raised=cycle == raised)
            assert not ctx.get(dut.fault)
            await ctx.tick()
        assert ctx.get(dut.fault) and _reported(ctx, dut) == (Fault.WRITE_ERROR, 3)

    simulate(dut, bench)


def test_a_timeout_goes_before_a_fault_of_the_same_cycle(monkeypatch):
    monkeypatch.setattr(run_control, "WATCHDOG", WATCHDOG)
    dut = RunControl()

    async def bench(ctx):
        await _begin(ctx, dut, last=7)
        ctx.set(dut.moves, 0)
        await ctx.tick().repeat(WATCHDOG - 1)
        _raise(ctx, dut, "store", Fault.WRITE_ERROR, 3)
        await ctx.tick().repeat(2)
        assert _reported(ctx, dut) == (Fault.TIMEOUT, 7)

    simulate(dut, bench)


def test_the_end_waits_for_a_silent_bus_no_longer_than_the_watchdog(monkeypatch):
    monkeypatch.setattr(run_control, "WATCHDOG", WATCHDOG)
    dut = RunControl()

    async def bench(ctx):
        await _begin(ctx, dut, last=7, empty=0, end_pending=1)
        ctx.set(dut.moves, 0)
        for _ in range(WATCHDOG):
            assert not ctx.get(dut.fault) and not ctx.get(dut.done)
            await ctx.tick()
        assert ctx.get(dut.fault) and not ctx.get(dut.done)
        assert _reported(ctx, dut) == (Fault.TIMEOUT, 7)

    simulate(dut, bench)


@pytest.mark.parametrize("empty", [1, 0], ids=["quiet bus", "memory that no longer answers"])
@pytest.mark.parametrize("late", [0, 1], ids=["in time", "late"])
def test_the_watchdog_counts_cycles_without_a_movement(monkeypatch, late, empty):
    monkeypatch.setattr(run_control, "WATCHDOG", WATCHDOG)
    dut = RunControl()

    async def bench(ctx):
        await _begin(ctx, dut, last=7, empty=empty)
        ctx.set(dut.moves, 0)
        await ctx.tick().repeat(WATCHDOG - 1 + late)
        ctx.set(dut.moves, 1)
        await ctx.tick()
        assert _reported(ctx, dut) == ((Fault.TIMEOUT, 7) if late else (Fault.NONE, 0))
        assert ctx.get(dut.fault) == late and not ctx.get(dut.done)

    simulate(dut, bench)
