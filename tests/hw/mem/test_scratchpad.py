"""The scratchpad: lines and words of all its ports, their cycles, and accesses beyond it."""

import random
from collections import deque

import pytest

from hw.mem.scratchpad import Scratchpad
from hw.spec.timing import DMA_READ_PHASE, DMA_WRITE_PHASE, READ_LATENCY
from tests.hw.support.units import TINY, WIDE, all_configs, join, simulate, split

LOAD, STORE, EXECUTE = range(3)
"""Units as the scratchpad numbers them."""


def _word_address(rng, config):
    """A word address from which a line can be read, near one end of the scratchpad."""
    line = config.line_words
    return rng.choice((0, config.scratchpad_words - 3 * line)) + rng.randrange(2 * line + 1)


@all_configs
def test_ports_read_and_write_the_same_words(config, seed):
    rng = random.Random(seed)
    dut = Scratchpad(config)
    bits, size = config.word_bytes * 8, config.line_words
    words = dict.fromkeys(range(config.scratchpad_words), 0)

    def load(ctx):
        line, mask = _word_address(rng, config) // size, rng.randrange(1 << size)
        data = rng.getrandbits(bits * size)
        ctx.set(dut.load.line, line)
        ctx.set(dut.load.mask, mask)
        ctx.set(dut.load.data, data)
        pieces = split(data, bits, size)
        return {line * size + i: pieces[i] for i in range(size) if mask >> i & 1}

    def write(ctx):
        address = _word_address(rng, config)
        mask, data = rng.randrange(1 << config.requant_words), rng.getrandbits(bits * 2)
        ctx.set(dut.execute.write.addr, address)
        ctx.set(dut.execute.write.mask, mask)
        ctx.set(dut.execute.write.data, data & (1 << bits * config.requant_words) - 1)
        pieces = split(data, bits, config.requant_words)
        return {address + i: piece for i, piece in enumerate(pieces) if mask >> i & 1}

    async def bench(ctx):
        flight = deque([(None, False)] * READ_LATENCY)
        line = 0
        for cycle in range(1500):
            phase = cycle % config.line_words
            loads = phase == DMA_WRITE_PHASE % config.line_words and rng.random() < 0.8
            writes = phase != DMA_WRITE_PHASE % config.line_words and rng.random() < 0.8
            ctx.set(dut.load.en, loads)
            ctx.set(dut.execute.write.en, writes)
            changes = load(ctx) if loads else write(ctx) if writes else {}

            stores = phase == DMA_READ_PHASE and rng.random() < 0.5
            reads = rng.random() < 0.8
            address = _word_address(rng, config)
            store_line = _word_address(rng, config) // config.line_words
            ctx.set(dut.store.en, stores)
            ctx.set(dut.store.line, store_line)
            ctx.set(dut.execute.read_en, reads)
            ctx.set(dut.execute.read_addr, address)
            assert ctx.get(dut.execute.blocked) == stores
            first = store_line * config.line_words if stores else address if reads else None
            found = None
            if first is not None:
                pieces = {a % size: words[a] for a in range(first, first + size)}
                found = join([pieces[i] for i in range(size)], bits)
            flight.append((found, stores))

            arrived, stored = flight.popleft()
            line = line if arrived is None else arrived
            assert ctx.get(dut.store.data) == ctx.get(dut.execute.line) == line
            assert ctx.get(dut.store.valid) == stored
            assert not ctx.get(dut.range_fault)
            words.update(changes)
            await ctx.tick()

    simulate(dut, bench)


@all_configs
def test_a_line_arrives_after_the_latency(config):
    dut = Scratchpad(config)

    async def bench(ctx):
        ctx.set(dut.load.en, 1)
        ctx.set(dut.load.mask, (1 << config.line_words) - 1)
        ctx.set(dut.load.data, 0x1234)
        await ctx.tick()
        ctx.set(dut.load.en, 0)
        ctx.set(dut.execute.read_en, 1)
        for _ in range(READ_LATENCY):
            assert ctx.get(dut.store.data) == 0
            await ctx.tick()
            ctx.set(dut.execute.read_en, 0)
        assert ctx.get(dut.store.data) == 0x1234

    simulate(dut, bench)


END = TINY.scratchpad_words
BEYOND = TINY.scratchpad_lines
RANGE_CASES = {
    "nothing": ({}, None),
    "last": ({"load": BEYOND - 1, "store": BEYOND - 1, "read": END - 1, "write": END - 1}, None),
    "load": ({"load": BEYOND}, LOAD),
    "store": ({"store": BEYOND}, STORE),
    "read": ({"read": END}, EXECUTE),
    "write": ({"write": END}, EXECUTE),
    "load first": ({"load": BEYOND, "store": BEYOND, "write": END}, LOAD),
    "store before execute": ({"store": BEYOND, "write": END}, STORE),
    "blocked read": ({"store": 0, "read": END}, None),
}


@pytest.mark.parametrize("case", RANGE_CASES)
def test_an_access_beyond_the_scratchpad_is_a_fault_of_its_unit(case):
    dut = Scratchpad(TINY)
    accesses, unit = RANGE_CASES[case]
    ports = {
        "load": (dut.load.en, dut.load.line),
        "store": (dut.store.en, dut.store.line),
        "read": (dut.execute.read_en, dut.execute.read_addr),
        "write": (dut.execute.write.en, dut.execute.write.addr),
    }

    async def bench(ctx):
        for name, place in accesses.items():
            enable, address = ports[name]
            ctx.set(enable, 1)
            ctx.set(address, place)
        assert ctx.get(dut.range_fault) == (unit is not None)
        if unit is not None:
            assert ctx.get(dut.range_unit) == unit

    simulate(dut, bench)


@pytest.mark.parametrize("access", ("read", "write"))
def test_the_second_word_counts_for_the_range(access):
    dut = Scratchpad(WIDE)
    port = dut.execute
    enable, address, needed = {
        "read": (port.read_en, port.read_addr, port.read_mask),
        "write": (port.write.en, port.write.addr, port.write.mask),
    }[access]

    async def bench(ctx):
        ctx.set(enable, 1)
        ctx.set(address, WIDE.scratchpad_words - 1)
        for mask in (0b01, 0b11):
            ctx.set(needed, mask)
            assert ctx.get(dut.range_fault) == (mask == 0b11)

    simulate(dut, bench)


def test_a_read_of_store_goes_before_one_of_execute():
    dut = Scratchpad(TINY)

    async def bench(ctx):
        ctx.set(dut.execute.read_en, 1)
        ctx.set(dut.store.line, BEYOND)
        for reads in (0, 1):
            ctx.set(dut.store.en, reads)
            assert ctx.get(dut.execute.blocked) == reads
            assert ctx.get(dut.range_fault) == reads

    simulate(dut, bench)


@all_configs
def test_a_write_beyond_the_scratchpad_changes_nothing(config):
    dut = Scratchpad(config)
    alias = 1 << (config.scratchpad_lines - 1).bit_length()
    """The first line beyond the scratchpad whose low address bits are those of line 0."""

    async def bench(ctx):
        ctx.set(dut.execute.write.en, 1)
        ctx.set(dut.execute.write.addr, alias * config.line_words)
        ctx.set(dut.execute.write.mask, 1)
        ctx.set(dut.execute.write.data, 99)
        await ctx.tick()
        ctx.set(dut.execute.write.en, 0)
        ctx.set(dut.load.en, 1)
        ctx.set(dut.load.line, alias)
        ctx.set(dut.load.mask, 2)
        ctx.set(dut.load.data, 99 << config.word_bytes * 8)
        await ctx.tick()
        ctx.set(dut.load.en, 0)
        ctx.set(dut.execute.read_en, 1)
        await ctx.tick().repeat(READ_LATENCY)
        assert ctx.get(dut.store.data) == 0

    simulate(dut, bench)
