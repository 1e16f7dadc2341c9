"""The performance counters beside sums of what each cycle adds."""

from hw.ctrl.counters import FIRST_CYCLES, Counters
from hw.spec.regs import CYCLE_COUNTERS, Counter
from tests.hw.support.units import simulate

LATENCY = 2
"""Cycles from one that adds to the first in which it is in a counter."""


def test_each_read_gives_all_that_was_added_two_cycles_before(generator):
    dut = Counters()

    async def bench(ctx):
        for length in (3, 20, 150):
            history = await _run(ctx, dut, generator, length)
            for counter in generator.permutation(list(Counter)):
                assert await _read(ctx, dut, counter) == history[-1][counter]

    simulate(dut, bench)


async def _run(ctx, dut, generator, length):
    """A run of random events, with reads in between; what the counters are after each cycle."""
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)
    begin = [FIRST_CYCLES if counter == Counter.WAIT_COMMAND else 0 for counter in Counter]
    history, values = [begin] * LATENCY, list(begin)
    for _ in range(length):
        cause = int(generator.choice(CYCLE_COUNTERS))
        occupied = int(generator.integers(1 << 16))
        events = int(generator.integers(1 << len(dut.events)))
        asked = int(generator.integers(len(Counter)))
        for name, value in (
            ("running", 1), ("cause", cause), ("occupied", occupied), ("events", events),
            ("counter", asked),
        ):  # fmt: skip
            ctx.set(getattr(dut, name), value)
        expected = history[-LATENCY][asked] if ctx.get(dut.ready) else None
        values[cause] += 1
        values[Counter.OCCUPIED] += occupied
        for i in range(len(dut.events)):
            values[Counter.READ_BEATS + i] += events >> i & 1
        history.append(list(values))
        await ctx.tick()
        assert expected in (None, ctx.get(dut.value))
    assert ctx.get(dut.cycles) == FIRST_CYCLES + length - 1
    ctx.set(dut.running, 0)
    await ctx.tick().repeat(LATENCY)
    assert ctx.get(dut.cycles) == FIRST_CYCLES + length
    return history


async def _read(ctx, dut, counter):
    """The counter's value, which must be there within a turn of all places."""
    ctx.set(dut.counter, int(counter))
    for _ in range(16):
        ready = ctx.get(dut.ready)
        await ctx.tick()
        if ready:
            return ctx.get(dut.value)
    raise AssertionError(f"{counter} has no turn")
