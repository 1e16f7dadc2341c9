import random

import numpy as np
import pytest

from hw.spec.regs import Fault
from sim.values.load_store import (
    load,
    store,
)
from sim.values.memories import (
    AccessError,
    AddressRanges,
    State,
)
from tests.sim.commands import CONFIG, random_state

COLS = CONFIG.cols


def dma(**fields):
    return {
        "dram_addr": 0,
        "dram_stride": 0,
        "scratchpad_addr": 0,
        "scratchpad_stride": 0,
        "row_count": 1,
        "row_length": 1,
        "unpack": 0,
        "flip": 0,
        "channels": 0,
        "plane": 0,
    } | fields


def test_load_moves_runs_with_strides():
    state = random_state(random.Random(0))
    load(
        state,
        dma(
            dram_addr=64,
            dram_stride=48,
            scratchpad_addr=100,
            scratchpad_stride=7,
            row_count=3,
            row_length=5,
        ),
    )
    for run in range(3):
        for word in range(5):
            first = 64 + 48 * run + COLS * word
            expected = state.memory[first : first + COLS].view(np.int8)
            np.testing.assert_array_equal(state.scratchpad[100 + 7 * run + word], expected)


def test_store_is_the_reverse_of_load():
    state = random_state(random.Random(0))
    before = state.memory.copy()
    command = dma(
        dram_addr=128,
        dram_stride=128,
        scratchpad_addr=10,
        scratchpad_stride=20,
        row_count=4,
        row_length=9,
    )
    load(state, command)
    state.memory[:] = 0
    store(state, command)
    rows = before[128 : 128 + 4 * 128].reshape(4, 128)
    np.testing.assert_array_equal(state.memory[128:640].reshape(4, 128)[:, :36], rows[:, :36])
    assert not state.memory[:128].any() and not state.memory[128 + 36 : 256].any()


@pytest.mark.parametrize("channels", [1, 3, 4, 6, 11])
@pytest.mark.parametrize("flip", [0, 1])
def test_unpack_spreads_channels_over_planes_and_fills_with_zeros(channels, flip):
    state = random_state(random.Random(channels))
    load(
        state,
        dma(
            dram_addr=13,
            dram_stride=101,
            scratchpad_addr=50,
            scratchpad_stride=9,
            row_count=2,
            row_length=8,
            unpack=1,
            flip=flip,
            channels=channels,
            plane=40,
        ),
    )
    for run in range(2):
        for pixel in range(8):
            for channel in range(-(-channels // COLS) * COLS):
                value = int(state.memory[13 + 101 * run + pixel * channels + channel]) ^ (
                    0x80 * flip
                )
                plane, column = divmod(channel, COLS)
                got = int(state.scratchpad[50 + 9 * run + 40 * plane + pixel, column]) & 0xFF
                assert got == (value if channel < channels else 0)


def windowed():
    return State(CONFIG, np.zeros(8192, np.uint8), AddressRanges(0, 4096, 4096, 6144))


def test_reads_may_use_both_windows_and_writes_one():
    state = windowed()
    load(state, dma(dram_addr=4096 - 4 * COLS, row_length=8))
    store(state, dma(dram_addr=4096, row_length=8))


@pytest.mark.parametrize(
    ("unit", "command"),
    [
        (load, {"dram_addr": 6144}),
        (load, {"dram_addr": 6144 - COLS, "row_length": 2}),
        (load, {"dram_addr": 6136, "unpack": 1, "channels": 3, "row_length": 3}),
        (store, {"dram_addr": 4096 - COLS}),
        (store, {"dram_addr": 6144 - COLS, "row_length": 2}),
        (store, {"dram_addr": 4096, "dram_stride": 1024, "row_count": 3}),
    ],
)
def test_accesses_outside_the_windows_are_faults(unit, command):
    state = windowed()
    state.scratchpad[:] = 1
    with pytest.raises(AccessError) as raised:
        unit(state, dma(**command))
    assert raised.value.fault == Fault.ADDRESS_RANGE
    assert not state.memory.any()


@pytest.mark.parametrize("unit", [load, store])
def test_a_run_beyond_the_scratchpad_is_a_fault(unit):
    state = windowed()
    with pytest.raises(AccessError) as raised:
        unit(state, dma(dram_addr=4096, scratchpad_addr=CONFIG.scratchpad_words - 1, row_length=2))
    assert raised.value.fault == Fault.SCRATCHPAD_RANGE
    assert not state.memory.any()
