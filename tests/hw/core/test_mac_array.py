"""The array: sums and maxima of random tiles, and the cycle in which they are in the shadow."""

import random

import pytest

from hw.core.mac_array import MacArray
from hw.spec.config import LANE_GROUPS
from hw.spec.timing import MAC_LATENCY
from tests.hw.support.units import all_configs, join, simulate

KINDS = {
    "sum": {},
    "ones": {"ones": 1},
    "maximum": {"ones": 1, "maximum": 1},
}


def _byte(rng):
    return rng.choice((-128, 127, rng.randint(-128, 127)))


def _products(rng, config, flags, ctx, dut):
    """Drive random operands; returns the product at each position."""
    cols = range(config.cols)
    words = [[_byte(rng) for _ in cols] for _ in range(config.rows)]
    weights = [[_byte(rng) for _ in cols] for _ in range(LANE_GROUPS)]
    split = rng.randint(0, config.cols.bit_length() - 1)
    width = config.cols // 2**split
    channel = rng.randrange(width)
    ctx.set(dut.words, [join([b & 0xFF for b in word], 8) for word in words])
    ctx.set(dut.weights, [join([b & 0xFF for b in word], 8) for word in weights])
    ctx.set(dut.channel, channel)
    ctx.set(dut.split, split)
    lanes_per_group = config.rows // LANE_GROUPS
    return [
        [
            words[p][m // width * width + channel]
            * (1 if flags.get("ones") else weights[p // lanes_per_group][m])
            for m in cols
        ]
        for p in range(config.rows)
    ]


@all_configs
@pytest.mark.parametrize("gaps", [False, True], ids=["steady", "gaps"])
@pytest.mark.parametrize("kind", KINDS)
def test_pixel_groups(kind, gaps, config, seed):
    rng = random.Random(seed)
    dut = MacArray(config)
    flags = KINDS[kind]
    combine = max if flags.get("maximum") else lambda old, new: old + new

    async def bench(ctx):
        lengths = [rng.choice((1, 1, 2, 5, 9)) for _ in range(20)]
        done, acc, place, shadow = {}, None, 0, None
        for name, value in flags.items():
            ctx.set(getattr(dut, name), value)
        cycle = 0
        while lengths or done:
            issues = bool(lengths) and not (gaps and rng.random() < 0.4)
            products = _products(rng, config, flags, ctx, dut)
            ctx.set(dut.issue, issues)
            ctx.set(dut.first, place == 0)
            ctx.set(dut.last, bool(lengths) and place == lengths[0] - 1)
            if issues:
                acc = (
                    products
                    if place == 0
                    else [
                        [combine(old, new) for old, new in zip(*pair, strict=True)]
                        for pair in zip(acc, products, strict=True)
                    ]
                )
                place += 1
                if place == lengths[0]:
                    done[cycle + MAC_LATENCY] = acc
                    lengths.pop(0)
                    place = 0
            assert ctx.get(dut.pixel_group_done) == (cycle + 1 in done)
            shadow = done.pop(cycle, shadow)
            if shadow is not None:
                found = [ctx.get(dut.shadow[p]) for p in range(config.rows)]
                assert found == [join([v & 0xFFFFFFFF for v in row], 32) for row in shadow]
            await ctx.tick()
            cycle += 1

    simulate(dut, bench)
