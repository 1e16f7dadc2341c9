"""The delay line."""

import random

from amaranth.hdl import Module, Signal

from hw.lib.delay import delay, delay_line
from tests.hw.support.units import simulate


def test_each_age_has_the_value_of_that_many_cycles_ago(seed):
    rng = random.Random(seed)
    values = [rng.getrandbits(8) for _ in range(20)]
    m, value = Module(), Signal(8)
    ages = delay_line(m, value, 3)
    oldest = delay(m, value, 3)
    now = delay(m, value, 0)

    async def bench(ctx):
        for cycle, given in enumerate(values):
            ctx.set(value, given)
            expected = [values[cycle - age] if age <= cycle else 0 for age in range(4)]
            assert [ctx.get(stage) for stage in ages] == expected
            assert (ctx.get(now), ctx.get(oldest)) == (expected[0], expected[3])
            await ctx.tick()

    simulate(m, bench)
