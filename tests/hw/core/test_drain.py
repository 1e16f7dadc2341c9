"""The drain: what random commands write, from accumulators to words, and in which cycles."""

import random

import numpy as np

from golden.fixed import rounding_divide_by_pot, saturating_rounding_doubling_high_mul, wrap32
from hw.core.drain import Drain
from hw.spec.timing import DMA_WRITE_PHASE, MAC_LATENCY
from tests.hw.core.test_output_addresses import beats, pixel_groups
from tests.hw.support.units import (
    LineReads,
    all_configs,
    execute_command,
    join,
    random_command,
    simulate,
    split,
)
from tests.sim.commands import random_state


def parameters(state, f, plane):
    """Bias, multiplier, left and right shift of a plane: int64 [4, cols], by the page's table."""
    config = state.config
    lines = -(-10 // config.line_words)
    first = (f["param_addr"] + lines * plane) * config.line_words
    raw = state.scratchpad[first : first + 10].tobytes()
    wide = np.frombuffer(raw, "<u4", 2 * config.cols).astype(np.int64)
    narrow = np.frombuffer(raw, np.uint8)[8 * config.cols :].astype(np.int64)
    bias, multiplier = wide.reshape(2, -1)
    return wrap32(bias), multiplier % 2**31, *(narrow.reshape(2, -1) % 32)


def finished(state, f, plane, sums):
    """The bytes of a word from its accumulators."""
    bias, multiplier, left, right = parameters(state, f, plane)
    shifted = wrap32(wrap32(np.array(sums, np.int64) + bias) << left)
    scaled = rounding_divide_by_pot(
        saturating_rounding_doubling_high_mul(shifted, multiplier), right
    )
    value = np.clip(scaled + f["out_zero"], f["out_min"], f["out_max"])
    if f["table"]:
        table = state.scratchpad[f["table_addr"] :][: state.config.table_words].reshape(-1)
        value = table[value + 128]
    return join((value.astype(np.int64) % 256).tolist(), 8)


def expected(state, f, group, shadow):
    """Address, mask and words of each beat of a pixel group."""
    config = state.config
    block = group[0] << f["array_shape"]
    for beat in beats(f, config, *group):
        words = [
            finished(state, f, block + beat.plane, shadow[beat.lane + i])
            for i in range(beat.mask.bit_length())
        ]
        yield beat.addr, beat.mask, words


class Bench:
    """The drain with a scratchpad that grants at random, and what is written cycle by cycle."""

    def __init__(self, dut, state, rng):
        self.dut, self.state, self.rng = dut, state, rng
        self.config = state.config
        self.reads = LineReads(self.config, self._word)
        self.written, self.cycle = [], 0
        self.issued, self.ended = [], 0

    def _word(self, address):
        return join((self.state.scratchpad[address].astype(np.int64) % 256).tolist(), 8)

    async def tick(self, ctx):
        dut, phase = self.dut, self.cycle % self.config.phases
        ctx.set(dut.phase, phase)
        ctx.set(dut.line, self.reads.line())
        ctx.set(dut.read.grant, self.rng.random() < 0.7)
        granted = ctx.get(dut.read.en & dut.read.grant)
        self.reads.request(ctx.get(dut.read.addr) if granted else None)
        if ctx.get(dut.beat):
            self.issued.append(self.cycle)
        if ctx.get(dut.write.en):
            assert (phase - DMA_WRITE_PHASE) % self.config.line_words
            assert self.issued.pop(0) == self.cycle - self.config.plain_write
            words = split(ctx.get(dut.write.data), 8 * self.config.cols, self.config.requant_words)
            mask = ctx.get(dut.write.mask)
            self.written.append((ctx.get(dut.write.addr), mask, words[: mask.bit_length()]))
        self.ended += ctx.get(dut.command_done)
        await ctx.tick()
        self.cycle += 1

    async def pixel_group(self, ctx, value, shadow):
        """A pixel group ends when the drain lets it, and is held MAC_LATENCY cycles later."""
        while not ctx.get(self.dut.ready):
            await self.tick(ctx)
        ctx.set(self.dut.pixel_group_issued, 1)
        await self.tick(ctx)
        ctx.set(self.dut.pixel_group_issued, 0)
        for _ in range(MAC_LATENCY - 2):
            await self.tick(ctx)
        ctx.set(self.dut.pixel_group_done, 1)
        ctx.set(self.dut.pixel_group, value)
        await self.tick(ctx)
        ctx.set(self.dut.pixel_group_done, 0)
        ctx.set(self.dut.shadow, [join([s % 2**32 for s in sums], 32) for sums in shadow])


@all_configs
def test_random_commands_are_written_word_by_word(config, seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    state = random_state(rng, config)
    dut = Drain(config)
    bench = Bench(dut, state, rng)

    async def run(ctx):
        for number in range(6):
            f = random_command(rng, config) | {"residual": 0, "round_once": 0}
            for member in (dut.cmd, dut.next_cmd, dut.pipe_cmd):
                ctx.set(member, execute_command(f))
            groups, due = list(pixel_groups(f, config)), []
            for index, group in enumerate(groups):
                value = {
                    "pixels": group[2],
                    "planes": group[3],
                    "block_start": group[1] == 0,
                    "command_start": index == 0,
                    "command_end": index == len(groups) - 1,
                }
                shadow = [
                    [rng.randint(-60000, 60000) for _ in range(config.cols)]
                    for _ in range(config.rows)
                ]
                await bench.pixel_group(ctx, value, shadow)
                due += expected(state, f, group, shadow)
            for _ in range(2000):
                if bench.ended > number:
                    break
                await bench.tick(ctx)
            assert bench.written == due
            bench.written.clear()
            # The end of the command comes with its last word, once.
            assert bench.ended == number + 1 and not bench.issued

    simulate(dut, run)
