"""The table: every byte finds its entry, in the next cycle."""

import random

import pytest

from hw.core.lookup_table import LookupTable
from tests.hw.support.units import BROAD, HALF, NARROW, TINY, join, simulate


@pytest.mark.parametrize("config", [TINY, NARROW, BROAD, HALF], ids=lambda config: config.name)
def test_every_byte_is_looked_up(config, seed):
    rng = random.Random(seed)
    dut = LookupTable(config)
    entries = [rng.randint(-128, 127) for _ in range(256)]

    async def bench(ctx):
        for row in range(config.table_words):
            word = entries[row * config.cols : (row + 1) * config.cols]
            ctx.set(dut.write_en, 1)
            ctx.set(dut.write_row, row)
            ctx.set(dut.write_data, join([entry & 0xFF for entry in word], 8))
            await ctx.tick()
            ctx.set(dut.write_en, 0)
            ctx.set(dut.write_data, 0)
            for _ in range(config.table_interval - 1):
                await ctx.tick()
        await ctx.tick()
        ctx.set(dut.read_en, 1)
        for first in range(-128, 128):
            values = [first, *(rng.randint(-128, 127) for _ in range(config.requant_lanes - 1))]
            rng.shuffle(values)
            ctx.set(dut.index, values)
            await ctx.tick()
            assert list(ctx.get(dut.value)) == [entries[value + 128] for value in values]

    simulate(dut, bench)
