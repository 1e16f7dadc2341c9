"""The queue in block RAM beside a list."""

from collections import deque

from hw.lib.block_queue import BlockQueue
from tests.hw.support.units import simulate

DEPTH = 8


def test_items_leave_in_order_from_two_cycles_after_their_push_on(generator):
    dut = BlockQueue(8, DEPTH)

    async def bench(ctx):
        items = deque()
        for cycle in range(400):
            push = len(items) < DEPTH and generator.random() < 0.6
            pop = int(generator.random() < (0.8 if cycle % 100 < 50 else 0.4))
            item = int(generator.integers(256))
            ctx.set(dut.push.valid, int(push))
            ctx.set(dut.push.payload, item)
            ctx.set(dut.pop.ready, pop)
            there = bool(items) and items[0][0] + 2 <= cycle
            assert ctx.get(dut.pop.valid) == there
            if there:
                assert ctx.get(dut.pop.payload) == items[0][1]
                if pop:
                    items.popleft()
            if push:
                items.append((cycle, item))
            await ctx.tick()

    simulate(dut, bench)
