"""LOAD's byte buffer and line assembler: data, and the cycles of docs/architecture.md."""

import random
from itertools import pairwise

import pytest
from amaranth.sim import Simulator

from hw.mem.channel_unpacker import ChannelUnpacker
from hw.mem.line_assembler import LineAssembler
from hw.spec.config import preset, with_values
from hw.spec.timing import DMA_WRITE_PHASE


def _simulate(dut, testbench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()


def _chunks(data, channels, cols):
    for start in range(0, len(data), channels):
        pixel = data[start : start + channels]
        yield from (pixel[i : i + cols] for i in range(0, channels, cols))


@pytest.mark.parametrize("gaps", [False, True], ids=["steady", "gaps"])
@pytest.mark.parametrize("channels", [1, 3, 4, 5, 11])
def test_unpacker_cuts_pixels(channels, gaps, seed):
    rng = random.Random(seed)
    config = preset("tiny")
    cols = config.cols
    dut = ChannelUnpacker(config)

    async def bench(ctx):
        for offset in range(cols):
            data = rng.randbytes(9 * channels)
            ctx.set(dut.begin, 1)
            ctx.set(dut.offset, offset)
            ctx.set(dut.bytes, len(data))
            chunks = list(_chunks(data, channels, cols))
            ctx.set(dut.next_length, len(chunks[0]))
            await ctx.tick()
            ctx.set(dut.begin, 0)
            beats = rng.randbytes(offset) + data + rng.randbytes(-(offset + len(data)) % cols)
            beats = [beats[i : i + cols] for i in range(0, len(beats), cols)]
            for chunk, following in zip(chunks, [*chunks[1:], chunks[0]], strict=True):
                ctx.set(dut.length, len(chunk))
                taken = False
                while not taken:
                    offers = bool(beats) and ctx.get(dut.ready) and (not gaps or rng.random() < 0.6)
                    ctx.set(dut.beat, offers)
                    if offers:
                        ctx.set(dut.beat_data, int.from_bytes(beats.pop(0), "little"))
                    ctx.set(dut.take, not gaps or rng.random() < 0.6)
                    taken = ctx.get(dut.valid) and ctx.get(dut.take)
                    ctx.set(dut.next_length, len(following if taken else chunk))
                    if taken:
                        word = ctx.get(dut.word).to_bytes(cols, "little")
                        assert word == chunk.ljust(cols, b"\0")
                    await ctx.tick()
                ctx.set(dut.beat, 0)
                ctx.set(dut.take, 0)
            assert not beats
            assert not ctx.get(dut.ready)

    _simulate(dut, bench)


def test_unpacker_moves_a_beat_and_a_chunk_every_cycle():
    config = preset("tiny")
    dut = ChannelUnpacker(config)

    async def bench(ctx):
        ctx.set(dut.begin, 1)
        ctx.set(dut.bytes, 40)
        ctx.set(dut.next_length, 4)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        ctx.set(dut.length, 4)
        ctx.set(dut.take, 1)
        ctx.set(dut.beat, 1)
        leaves = []
        for cycle in range(14):
            ctx.set(dut.beat, ctx.get(dut.ready))
            if ctx.get(dut.valid):
                leaves.append(cycle)
            await ctx.tick()
        assert leaves == list(range(1, 11))

    _simulate(dut, bench)


@pytest.mark.parametrize("size", [4, 8])
def test_assembler_writes_lines_in_its_phase(seed, size):
    rng = random.Random(seed)
    config = with_values(preset("tiny"), {"line_words": size})
    dut = LineAssembler(config)
    written = {}

    async def bench(ctx):
        words = [(13 + i, rng.getrandbits(32)) for i in range(40)]
        accepted, writes = {}, []
        left = list(words)
        for cycle in range(90):
            ctx.set(dut.phase, cycle % size)
            accept = bool(left) and ctx.get(dut.free)
            ctx.set(dut.accept, accept)
            if accept:
                address, value = left.pop(0)
                accepted[address] = cycle
                ctx.set(dut.address, address)
                ctx.set(dut.data, value)
                ctx.set(dut.closes, not left)
                ctx.set(dut.last, not left)
            if ctx.get(dut.scratchpad.en):
                assert cycle % size == DMA_WRITE_PHASE % size
                line, mask = ctx.get(dut.scratchpad.line), ctx.get(dut.scratchpad.mask)
                held = [line * size + i for i in range(size) if mask >> i & 1]
                assert cycle >= accepted[held[-1]] + 2
                assert ctx.get(dut.written) == (held[-1] == words[-1][0])
                value = ctx.get(dut.scratchpad.data)
                written.update({a: value >> 32 * (a % size) & 0xFFFFFFFF for a in held})
                writes.append(cycle)
            await ctx.tick()
        assert written == dict(words)
        assert {later - sooner for sooner, later in pairwise(writes)} == {size}

    _simulate(dut, bench)
