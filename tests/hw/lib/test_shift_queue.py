"""The queue of stages beside a list."""

import pytest

from hw.lib.shift_queue import ShiftQueue
from tests.hw.support.units import simulate


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_items_leave_in_order_and_as_early_as_the_stages_allow(depth, generator):
    dut = ShiftQueue(8, depth)

    async def bench(ctx):
        stages = [None] * depth
        for busy in (0.9, 0.3, 0.6):
            for _ in range(120):
                item, push, pop = (int(v) for v in generator.integers((256, 2, 2)))
                pop &= generator.random() < busy
                ctx.set(dut.push.payload, item)
                ctx.set(dut.push.valid, push)
                ctx.set(dut.pop.ready, int(pop))
                assert ctx.get(dut.push.ready) == (stages[-1] is None)
                assert ctx.get(dut.pop.valid) == (stages[0] is not None)
                if stages[0] is not None:
                    assert ctx.get(dut.pop.payload) == stages[0]
                before = list(stages)
                if pop:
                    stages[0] = None
                for i in range(1, depth):
                    if before[i - 1] is None:
                        stages[i - 1], stages[i] = before[i], None
                if push and before[-1] is None:
                    stages[-1] = item
                await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize("depth", [2, 4])
def test_an_item_passes_an_empty_queue_in_as_many_cycles_as_it_has_stages(depth):
    dut = ShiftQueue(8, depth)

    async def bench(ctx):
        ctx.set(dut.push.payload, 77)
        ctx.set(dut.push.valid, 1)
        await ctx.tick()
        ctx.set(dut.push.valid, 0)
        for _ in range(depth - 1):
            assert not ctx.get(dut.pop.valid)
            await ctx.tick()
        assert ctx.get(dut.pop.valid) and ctx.get(dut.pop.payload) == 77

    simulate(dut, bench)
