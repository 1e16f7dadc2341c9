"""The execute unit by itself: random commands leave in the scratchpad what the simulator's values
are, however its reads are held up and its commands follow one another."""

import dataclasses
import random

import numpy as np
import pytest

from hw.core.execute_unit import ExecuteUnit
from hw.spec.timing import DMA_READ_PHASE, DMA_WRITE_PHASE, WEIGHT_RING
from sim.values.execute import execute
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

SCRATCHPAD_BYTES = 1 << 15


def drawn(rng, config):
    """The fields of a command, whose weights stay in the weight store now and then."""
    f = random_command(rng, config)
    fits = not f["ones"] and f["weight_lines"] <= WEIGHT_RING
    return f | {"resident": int(fits and rng.random() < 0.5)}


class Port:
    """The scratchpad as the unit sees it: reads that STORE holds up, and writes."""

    def __init__(self, dut, scratchpad, config, rng):
        self.dut, self.scratchpad, self.config, self.rng = dut, scratchpad, config, rng
        self.reads = LineReads(config, self._word)
        self.cycle = 0

    def _word(self, address):
        return join((self.scratchpad[address].astype(np.int64) % 256).tolist(), 8)

    async def tick(self, ctx):
        port, phase = self.dut.scratchpad, self.cycle % self.config.phases
        ctx.set(self.dut.phase, phase)
        turn = phase % self.config.line_words
        storing = turn == DMA_READ_PHASE and self.rng.random() < 0.3
        ctx.set(port.blocked, storing)
        ctx.set(port.line, self.reads.line())
        assert not (storing and ctx.get(port.read_en))
        self.reads.request(ctx.get(port.read_addr) if ctx.get(port.read_en) else None)
        if ctx.get(port.write.en):
            assert turn != DMA_WRITE_PHASE % self.config.line_words
            self._write(
                ctx.get(port.write.addr), ctx.get(port.write.mask), ctx.get(port.write.data)
            )
        await ctx.tick()
        self.cycle += 1

    def _write(self, address, mask, value):
        words = split(value, 8 * self.config.cols, self.config.requant_words)
        for i, word in enumerate(words):
            if mask >> i & 1:
                data = word.to_bytes(self.config.cols, "little")
                self.scratchpad[address + i] = np.frombuffer(data, np.int8)


@all_configs
@pytest.mark.parametrize("count", [2, pytest.param(12, marks=pytest.mark.full)])
def test_random_commands_leave_what_the_simulator_does(count, config, seed):
    print(f"seed {seed}")
    config = dataclasses.replace(config, scratchpad_bytes=SCRATCHPAD_BYTES)
    rng = random.Random(seed)
    state = random_state(rng, config)
    found = state.scratchpad.copy()
    commands = [drawn(rng, config) for _ in range(count)]
    for fields in commands:
        execute([state], fields)
    dut = ExecuteUnit(config)
    port = Port(dut, found, config, rng)

    async def bench(ctx):
        waiting = [execute_command(f, index) for index, f in enumerate(commands)]
        for _ in range(50_000):
            ctx.set(dut.command.valid, bool(waiting) and rng.random() < 0.5)
            if waiting:
                ctx.set(dut.command.payload, waiting[0])
            if ctx.get(dut.command.valid & dut.command.ready):
                waiting.pop(0)
            await port.tick(ctx)
            if ctx.get(dut.done) == count:
                return
        raise AssertionError("the commands do not end")

    simulate(dut, bench)
    np.testing.assert_array_equal(found, state.scratchpad)
