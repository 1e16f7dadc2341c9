"""Grouped convolutions: whose channels a column takes, what a tap costs, and what map says."""

from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.program import image, mapping
from compiler.codegen.weights import weight_bytes
from compiler.driver import compile
from compiler.schedule.channel_blocks import block_ranges
from hw.spec.config import PRESETS
from sim.program_reader import program_of
from sim.simulation import run_timing
from tests.compiler.graphs import Net

EDGE, TINY = PRESETS["edge256"], PRESETS["tiny"]


def compiled(channels, outputs, groups, config=EDGE, size=16):
    """A 3x3 convolution with SAME padding, on a square map of ``size`` pixels a side."""
    net = Net((size, size, channels))
    y = net.conv("input", outputs, padding=(1, 1, 1, 1), groups=groups)
    return compile(net.finish(y), config)


@pytest.mark.parametrize(
    ("channels", "outputs", "groups", "width", "per_tap"),
    [
        (64, 64, 8, 8, {8}),
        (64, 64, 16, 4, {4}),
        (64, 64, 32, 2, {2}),
        (24, 24, 3, 8, {8}),
        (64, 64, 4, 16, {16}),
        (64, 64, 2, 16, {32}),
        (48, 48, 16, 16, {18, 33, 32}),
        (64, 128, 8, 16, {8, 16}),
        (64, 32, 8, 16, {32}),
    ],
)
def test_a_tap_costs_its_group_or_the_hull_of_groups(channels, outputs, groups, width, per_tap):
    """Groups of 3: planes 0 to 2 need channels 0:18, 15:33 and 30:48, each from a whole word on."""
    plan = compiled(channels, outputs, groups).plans[0]
    runs = block_ranges(plan.site.op, plan.site.source, plan.site.output, 0, EDGE)
    assert {r.width for r in runs} == {width}
    assert {r.channels for r in runs} == per_tap
    assert width == EDGE.cols or (plan.shape == 0 and len(runs) == 1)


def test_weight_words_of_groups_are_in_the_order_of_use():
    found = compiled(6, 6, 3, TINY, size=3)
    op, maps = found.network.ops[0], found.network.maps
    (run,) = block_ranges(op, maps["input"], maps["conv2d0"], 0, TINY)
    assert (run.blocks, run.in_blocks, run.in_step) == (2, 1, 1)
    words = np.frombuffer(weight_bytes(op, run, 4), np.int8).reshape(2, -1, 4)
    for tap in range(9):
        for channel in range(2):
            expected = op.weights[:, tap // 3, tap % 3, channel]
            np.testing.assert_array_equal(words[0, 2 * tap + channel], expected[:4])
            np.testing.assert_array_equal(words[1, 2 * tap + channel, :2], expected[4:])
    assert not words[1, :, 2:].any() and not words[:, 18:].any()


@pytest.mark.parametrize("width", (2, 4, 8, 16))
def test_the_array_is_busy_for_the_channels_of_a_group(width):
    found = compiled(32, 32, 32 // width)
    program = program_of(Path(), np.frombuffer(image(found), np.uint8), mapping(found))
    planes, tiles, taps = 2, 16, 9
    assert run_timing(program).counters["busy_network"] == planes * tiles * taps * width


@pytest.mark.parametrize(
    ("outputs", "groups", "text"),
    [
        (64, 8, "8 groups of 8 to 8 channels: columns take their own group's, 8 and not 16"),
        (64, 4, "4 groups of 16 to 16 channels: 16 channels per tap; output blocks in 4 regular"),
        (128, 8, "16 channels per tap, with zeros between groups, which only equal widths"),
    ],
)
def test_map_says_what_a_tap_costs(outputs, groups, text):
    assert text in mapping(compiled(64, outputs, groups))["layers"][0]["notes"][0]
