"""The weight store: order of words and requests, release of lines, and the cycles of both."""

import random
from dataclasses import dataclass

import pytest

from hw.core.weight_store import WeightStore
from hw.spec.config import LANE_GROUPS
from hw.spec.timing import LINE_LATENCY, WEIGHT_RING
from tests.hw.support.units import (
    TINY,
    LineReads,
    all_configs,
    execute_command,
    scrambled,
    simulate,
)


@dataclass(frozen=True)
class Use:
    """One use of a weight word by the array.

    ``word`` is its address for plane 0. ``line`` and ``released`` are numbers of lines in the order
    of request: the one that is needed, and how many are released once the word is used.
    """

    word: int
    line: int
    pixel_group_end: bool
    block_end: bool
    released: int


def _command(rng, config):
    """The fields of a random command, and the uses of a tile."""
    shape, uses = rng.randrange(3), rng.randint(1, 40)
    lines = -(-(uses << shape) // config.line_words)
    fields = {
        "ones": int(rng.random() < 0.2),
        "array_shape": shape,
        "resident": int(lines <= WEIGHT_RING and rng.random() < 0.6),
        "weight_addr": rng.randrange(1000),
        "weight_lines": lines,
        "out_blocks": rng.randint(1, 3),
        "pixels": rng.randint(1, 3 * config.shape_pixels(shape)),
    }
    return fields, uses


def _requests(f, pixel_groups, line_words):
    """Word addresses of the lines, in the order of request."""
    for block in range(f["out_blocks"]):
        first = f["weight_addr"] + block * f["weight_lines"]
        for _ in range(1 if f["resident"] else pixel_groups):
            yield from ((first + i) * line_words for i in range(f["weight_lines"]))


def _uses(f, pixel_groups, uses, base, line_words):
    """All uses of a command before which ``base`` lines were requested."""
    lines = f["weight_lines"]
    for block in range(f["out_blocks"]):
        word = (f["weight_addr"] + block * lines) * line_words
        for pixel_group in range(pixel_groups):
            for use in range(uses):
                ends = use == uses - 1, pixel_group == pixel_groups - 1
                place = use << f["array_shape"]
                after = place + (1 << f["array_shape"])
                if f["resident"]:
                    released = base + (lines if all(ends) else 0)
                else:
                    released = base + (lines if ends[0] else after // line_words)
                yield Use(word + place, base + place // line_words, *ends, released)
            base += 0 if f["resident"] else lines
        base += lines if f["resident"] else 0


class _Fetches:
    """The fetch side: starts commands, grants requests, and keeps account of the lines."""

    def __init__(self, rng, config, dut, steady):
        self.rng, self.dut, self.steady = rng, dut, steady
        self.reads = LineReads(config, scrambled)
        self.commands = []
        """The commands started."""
        self.requests = []
        """The word addresses that they request, in order."""
        self.granted = []
        """For each line, in that order, the cycle of its grant."""
        self.released = self.cycle = 0

    def landed(self, line):
        return line < len(self.granted) and self.cycle >= self.granted[line] + LINE_LATENCY

    async def start(self, ctx, fields, requests):
        """A cycle in which a command starts."""
        self.commands.append(execute_command(fields))
        ctx.set(self.dut.started, 1)
        await self.tick(ctx)
        self.requests += requests

    async def tick(self, ctx):
        dut, address = self.dut, None
        latest = len(self.commands) - 1
        ctx.set(dut.cmd, self.commands[latest - (latest + ctx.get(dut.bank)) % 2])
        ctx.set(dut.line, self.reads.line())
        ctx.set(dut.read.grant, self.steady or self.rng.random() < 0.7)
        if ctx.get(dut.read.en):
            assert len(self.granted) - self.released < WEIGHT_RING
            assert ctx.get(dut.read.addr) == self.requests[len(self.granted)]
            if ctx.get(dut.read.grant):
                address = ctx.get(dut.read.addr)
                self.granted.append(self.cycle)
        self.reads.request(address)
        await ctx.tick()
        ctx.set(dut.started, 0)
        ctx.set(dut.use, 0)
        self.cycle += 1


def _plane(shape, group):
    """The plane of the output block that the lanes of a group work on."""
    return group * (1 << shape) // LANE_GROUPS


@all_configs
@pytest.mark.parametrize("steady", [True, False], ids=["steady", "stalls"])
def test_words_of_random_commands(steady, config, seed):
    rng = random.Random(seed + steady)
    dut = WeightStore(config)
    fetches = _Fetches(rng, config, dut, steady)
    work = []
    base = 0
    for _ in range(20):
        f, uses = _command(rng, config)
        pixel_groups = -(-f["pixels"] // config.shape_pixels(f["array_shape"]))
        requests, used = [], []
        if not f["ones"]:
            requests = list(_requests(f, pixel_groups, config.line_words))
            used = list(_uses(f, pixel_groups, uses, base, config.line_words))
        work.append((f, requests, used))
        base += len(requests)

    async def use(ctx, f, use):
        for _ in range(300):
            ready = fetches.landed(use.line)
            assert ctx.get(dut.ready) == ready
            if ready and (steady or rng.random() < 0.7):
                break
            await fetches.tick(ctx)
        else:
            raise AssertionError("the word never arrives")
        for group in range(LANE_GROUPS):
            word = use.word + _plane(f["array_shape"], group)
            assert ctx.get(dut.words[group]) == scrambled(word)
        ctx.set(dut.use, 1)
        ctx.set(dut.pixel_group_end, use.pixel_group_end)
        ctx.set(dut.block_end, use.block_end)
        await fetches.tick(ctx)
        fetches.released = use.released

    async def bench(ctx):
        for number, (f, _, uses) in enumerate(work):
            # Fill is at most one command ahead of the array.
            ahead = number + 1 + rng.randrange(2)
            for fields, requests, _ in work[len(fetches.commands) : ahead]:
                await fetches.start(ctx, fields, requests)
            ctx.set(dut.resident, f["resident"])
            ctx.set(dut.array_shape, f["array_shape"])
            for one in uses:
                await use(ctx, f, one)
        assert len(fetches.granted) == len(fetches.requests) == base

    simulate(dut, bench)


@pytest.mark.parametrize("resident", [0, 1])
def test_cycles_of_requests(resident):
    dut = WeightStore(TINY)
    lines = WEIGHT_RING
    fields = {"resident": resident, "weight_lines": lines, "out_blocks": 2, "pixels": TINY.rows}

    async def bench(ctx):
        ctx.set(dut.cmd, execute_command(fields))
        ctx.set(dut.resident, resident)
        ctx.set(dut.read.grant, 1)
        ctx.set(dut.started, 1)
        requested, ready = [], None
        for cycle in range(40):
            if ctx.get(dut.read.en):
                requested.append(cycle)
            if ready is None and ctx.get(dut.ready):
                ready = cycle
            # Uses of the first line's words.
            ctx.set(dut.use, 20 <= cycle < 20 + TINY.line_words)
            await ctx.tick()
            ctx.set(dut.started, 0)
        # Told in 0, taken in 1; then the ring is full, until a cycle after a streamed line is
        # released.
        freed = [] if resident else [21 + TINY.line_words]
        assert requested == [*range(2, 2 + lines), *freed]
        assert ready == 2 + LINE_LATENCY

    simulate(dut, bench)
