"""Parameters: the lines of each output block, the table, and the cycle in which beats may start."""

import random

import pytest

from hw.core.channel_parameters import ChannelParameters
from hw.spec.timing import RESULT_LATENCY, SETTLE
from tests.hw.support.units import (
    BROAD,
    NARROW,
    TINY,
    WIDE,
    LineReads,
    all_configs,
    execute_command,
    join,
    scrambled,
    simulate,
    split,
)

PARAM_LINE, TABLE_WORD = 40, 1003


def _signed(value):
    return value - (1 << 32) if value >> 31 else value


def _channels(config, plane):
    """The parameters of one plane, from the table at the end of docs/isa.md."""
    lines = 2 if config.line_words == 8 else 3
    first = (PARAM_LINE + lines * plane) * config.line_words
    words = [scrambled(first + i) for i in range(10)]
    wide = split(join(words[:8], 8 * config.cols), 32, 2 * config.cols)
    narrow = split(join(words[8:], 8 * config.cols), 8, 2 * config.cols)
    return [
        (
            _signed(wide[c]),
            wide[config.cols + c] % (1 << 31),
            narrow[c] % 32,
            narrow[config.cols + c] % 32,
        )
        for c in range(config.cols)
    ]


def _blocks(rng, table):
    """Tiles of a command: planes, and whether they begin an output block or the command."""
    for block in range(3):
        planes = rng.randint(1, 4)
        for pixel_group in range(rng.randint(1, 3)):
            yield {
                "planes": planes,
                "block_start": pixel_group == 0,
                "command_start": block == pixel_group == 0,
                "table": table,
            }


@pytest.mark.parametrize("config", [TINY, WIDE, NARROW, BROAD], ids=lambda config: config.name)
def test_lines_are_fetched_in_order(config, seed):
    rng = random.Random(seed)
    dut = ChannelParameters(config)
    reads = LineReads(config, scrambled)
    table = {}

    async def tick(ctx):
        """One cycle; returns the address of the line granted in it."""
        ctx.set(dut.line, reads.line())
        ctx.set(dut.read.grant, rng.random() < 0.7)
        granted = ctx.get(dut.read.addr) if ctx.get(dut.read.en & dut.read.grant) else None
        reads.request(granted)
        if ctx.get(dut.table_en):
            table[ctx.get(dut.table_row)] = ctx.get(dut.table_data)
        await ctx.tick()
        return granted

    async def fetch(ctx, expected, quiet):
        """Cycles until ready; checks what is requested and when it is ready."""
        since, pause, settle = None, 0, SETTLE
        for _ in range(500):
            requested = ctx.get(dut.read.en)
            assert not (requested and not expected)
            if since is not None and len(expected) not in (0, config.table_words):
                # In every cycle, or as often as the table takes a word.
                assert requested == (since >= pause)
            ready = not expected and (since is None or since >= settle)
            assert ctx.get(dut.ready) == ready
            if ready:
                return
            if len(expected) == config.table_words:
                # A table may be requested only when no beat is at work.
                assert requested <= quiet
                quiet = requested or rng.random() < 0.5
                ctx.set(dut.next_quiet, quiet)
            granted = await tick(ctx)
            since = since and since + 1
            if granted is not None:
                if granted >= TABLE_WORD:
                    pause = config.cols // 4
                    settle = SETTLE + max(0, pause - RESULT_LATENCY)
                assert granted == expected.pop(0)
                since = quiet = 1
                ctx.set(dut.next_quiet, quiet)
        raise AssertionError("never ready")

    async def bench(ctx):
        for has_table in (1, 0, 1):
            ctx.set(
                dut.next_cmd,
                execute_command(
                    {"param_addr": PARAM_LINE, "table_addr": TABLE_WORD, "table": has_table}
                ),
            )
            plane = 0
            table.clear()
            for pixel_group in _blocks(rng, has_table):
                quiet = rng.randrange(2)
                ctx.set(dut.next_quiet, quiet)
                ctx.set(dut.next_held, 1)
                ctx.set(dut.load, 1)
                ctx.set(
                    dut.pixel_group,
                    {key: pixel_group[key] for key in ("planes", "block_start", "command_start")},
                )
                await tick(ctx)
                ctx.set(dut.load, 0)
                expected = []
                if pixel_group["block_start"]:
                    first = plane
                    plane += pixel_group["planes"]
                    each = 2 if config.line_words == 8 else 3
                    lines = range(PARAM_LINE + each * first, PARAM_LINE + each * plane)
                    expected += [line * config.line_words for line in lines]
                if pixel_group["command_start"] and has_table:
                    expected += range(TABLE_WORD, TABLE_WORD + config.table_words)
                await fetch(ctx, expected, quiet)
                for j in range(pixel_group["planes"]):
                    ctx.set(dut.plane, j)
                    found = [(c.bias, c.multiplier, c.left, c.right) for c in ctx.get(dut.channels)]
                    assert found == _channels(config, first + j)
            if has_table:
                assert table == {
                    row: scrambled(TABLE_WORD + row) for row in range(config.table_words)
                }
            else:
                assert not table

    simulate(dut, bench)


@all_configs
def test_nothing_is_requested_for_no_pixel_group(config):
    dut = ChannelParameters(config)

    async def bench(ctx):
        ctx.set(dut.load, 1)
        ctx.set(dut.pixel_group, {"planes": 1, "block_start": 1, "command_start": 1})
        for held in (0, 1):
            ctx.set(dut.next_held, held)
            await ctx.tick()
            assert ctx.get(dut.read.en) == held

    simulate(dut, bench)
