"""The weight store: order of words and requests, release of lines, and the cycles of both."""

import random

import pytest

from hw.core.weights import Weights
from hw.spec.config import LANE_GROUPS, LINE_WORDS
from hw.spec.timing import FILL_LATENCY, WEIGHT_RING
from tests.hw.support.units import (
    TINY,
    LineReads,
    both_configs,
    execute_command,
    scrambled,
    simulate,
)


def _command(rng, config):
    shape = rng.randrange(3)
    uses = rng.randint(1, 40)
    lines = -(-(uses << shape) // LINE_WORDS)
    return {
        "ones": int(rng.random() < 0.2),
        "array_shape": shape,
        "resident": int(lines <= WEIGHT_RING and rng.random() < 0.6),
        "weight_addr": rng.randrange(1000),
        "weight_lines": lines,
        "blocks": rng.randint(1, 3),
        "pixels": rng.randint(1, 3 * config.shape_pixels(shape)),
    }, uses


def _tiles(f, config):
    return -(-f["pixels"] // config.shape_pixels(f["array_shape"]))


def _requests(f, config):
    """Lines in the order of request."""
    passes = 1 if f["resident"] else _tiles(f, config)
    for block in range(f["blocks"]):
        first = f["weight_addr"] + block * f["weight_lines"]
        for _ in range(passes):
            yield from range(first, first + f["weight_lines"])


def _uses(f, uses, config):
    """For each use: its first word, whether it is its tile's last and its tile its block's, and the
    lines released so far."""
    lines, tiles, released = f["weight_lines"], _tiles(f, config), 0
    for block in range(f["blocks"]):
        first = (f["weight_addr"] + block * lines) * LINE_WORDS
        for tile in range(tiles):
            for use in range(uses):
                tile_end, block_end = use == uses - 1, tile == tiles - 1
                past = lines if tile_end else (use + 1 << f["array_shape"]) // LINE_WORDS
                if not f["resident"]:
                    now = released + past
                else:
                    now = released + lines if tile_end and block_end else released
                yield first + (use << f["array_shape"]), tile_end, block_end, now
            released = now


def _plane(shape, group):
    """Which plane of the output block the lanes of a group work on."""
    return group * (1 << shape) // LANE_GROUPS


@both_configs
@pytest.mark.parametrize("steady", [True, False], ids=["steady", "stalls"])
def test_words_of_random_commands(steady, config, seed):
    rng = random.Random(seed + steady)
    dut = Weights(config)
    commands = [_command(rng, config) for _ in range(16)]
    reads = LineReads(config, scrambled)
    requests = [
        (index, line * LINE_WORDS)
        for index, (f, _) in enumerate(commands)
        if not f["ones"]
        for line in _requests(f, config)
    ]

    async def bench(ctx):
        started, issued, released, landed = 0, 0, 0, []

        async def tick():
            """A cycle of the fetch side."""
            nonlocal issued
            bank = ctx.get(dut.bank)
            index = max(i for i in range(started + 1) if i % 2 == bank) if started else 0
            ctx.set(dut.cmd, execute_command(commands[min(index, len(commands) - 1)][0]))
            ctx.set(dut.line, reads.line())
            ctx.set(dut.grant, steady or rng.random() < 0.7)
            address = None
            if ctx.get(dut.read_en):
                address = ctx.get(dut.read_addr)
                assert requests[0][1] == address and requests[0][0] < started
                assert issued - released < WEIGHT_RING
                if ctx.get(dut.grant):
                    requests.pop(0)
                    issued += 1
                    landed.append(FILL_LATENCY)
                else:
                    address = None
            reads.request(address)
            await ctx.tick()
            ctx.set(dut.use, 0)
            ctx.set(dut.started, 0)
            landed[:] = [left - 1 for left in landed]

        async def start():
            nonlocal started
            started += 1
            ctx.set(dut.started, 1)
            await tick()

        arrived_before = 0
        for index, (f, uses) in enumerate(commands):
            while started <= index:
                await start()
            if started < len(commands) and started == index + 1 and rng.random() < 0.5:
                await start()
            ctx.set(dut.resident, f["resident"])
            ctx.set(dut.array_shape, f["array_shape"])
            if f["ones"]:
                await tick()
                await tick()
                continue
            base, passed = released, 0
            for first, tile_end, block_end, now in _uses(f, uses, config):
                line = base + _lines_before(f, first, passed)
                for _ in range(200):
                    ready = sum(left <= 0 for left in landed) > line
                    assert ctx.get(dut.ready) == ready
                    if ready and (steady or rng.random() < 0.7):
                        break
                    await tick()
                else:
                    raise AssertionError("the word never arrives")
                for group in range(LANE_GROUPS):
                    word = first + _plane(f["array_shape"], group)
                    assert ctx.get(dut.words[group]) == scrambled(word)
                ctx.set(dut.use, 1)
                ctx.set(dut.tile_end, tile_end)
                ctx.set(dut.block_end, block_end)
                await tick()
                released = base + now
        assert not requests

    simulate(dut, bench)
