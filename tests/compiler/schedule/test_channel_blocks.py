"""Output blocks: every plane once, the channels that its groups read, chunks within limits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from compiler.hwir.feature_map import FeatureMap
from compiler.schedule.channel_blocks import (
    BlockRange,
    balanced_chunks,
    block_ranges,
    chunks_of,
    group_width,
    shapes_of,
)
from hw.spec.config import PRESETS
from tests.compiler.schedule.operations import operation

TINY = PRESETS["tiny"]
COLS = TINY.cols


def convolution(groups: int, inputs: int, outputs: int, depthwise: bool = False):
    source, output = FeatureMap("in", 3, 3, inputs), FeatureMap("out", 3, 3, outputs)
    depth = 1 if depthwise else inputs // groups
    weights = np.ones((outputs, 1, 1, depth), np.int8)
    op = operation(source, output, weights=weights, groups=groups, depthwise=depthwise)
    return op, source, output


def test_the_numbers_of_a_range_by_hand():
    """11 planes in blocks of 4: 3 blocks, the last of 3. 2 input blocks, of 4 and of 3 channels."""
    found = BlockRange(2, 4, 5, 11, 1, 2, 0, 3, 8, 6)
    assert (found.blocks, found.last_planes, found.channels) == (3, 3, 7)
    # Ten words of parameters fill two lines of eight.
    assert found.param_words == 16
    assert found.words(2) == 2 * 11 * 16 + 3 * 6 * 8
    part = found.part(1, 2)
    assert (part.first_plane, part.planes, part.blocks) == (9, 7, 2)


@pytest.mark.parametrize(
    "groups, inputs, outputs, width",
    [(1, 8, 8, 4), (4, 8, 8, 2), (8, 8, 8, 1), (2, 8, 8, 4), (4, 8, 16, 4), (4, 12, 12, 4)],
    ids=str,
)
def test_columns_take_their_own_group_where_groups_are_narrow_and_even(
    groups, inputs, outputs, width
):
    assert group_width(*convolution(groups, inputs, outputs), COLS) == width


def test_every_plane_is_in_one_block_that_reads_the_channels_of_its_groups(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(100):
        groups = rng.choice((1, 1, 2, 3))
        inputs, outputs = (groups * rng.randint(1, 12) for _ in range(2))
        op, source, output = convolution(groups, inputs, outputs)
        for shape in shapes_of(op, source, output, COLS):
            planes = []
            for found in block_ranges(op, source, output, shape, TINY):
                for block in range(found.blocks):
                    one = found.part(block, 1)
                    own = range(one.first_plane, one.first_plane + one.planes)
                    planes += own
                    channels = range(own.start * COLS, min(own.stop * COLS, outputs))
                    of = {c // (outputs // groups) for c in channels}
                    read = {g * (inputs // groups) + i for g in of for i in range(inputs // groups)}
                    if one.width == COLS:
                        first = one.in_plane * COLS
                        assert read <= set(range(first, first + one.channels))
                        assert (one.in_plane, one.in_blocks) == (
                            min(read) // COLS,
                            max(read) // COLS - min(read) // COLS + 1,
                        )
                    else:
                        assert {c // COLS for c in read} == {one.in_plane} == set(own)
            assert planes == list(range(output.planes(COLS)))


def test_chunks_have_every_block_in_order_and_keep_to_the_limit(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(50):
        op, source, output = convolution(1, rng.randint(1, 40), rng.randint(1, 120))
        ranges = block_ranges(op, source, output, rng.randrange(3), TINY)
        sets, limit = rng.randint(1, 3), rng.randint(1, 800)
        most = max(r.part(b, 1).words(sets) for r in ranges for b in range(r.blocks))
        for cut in (chunks_of, balanced_chunks):
            chunks = cut(ranges, sets, limit)
            assert all(chunk.words <= max(limit, most) for chunk in chunks)
            parts = [(c.first_plane, c.first_plane + c.planes) for c in chunks]
            ends = [end for _, end in parts]
            assert [first for first, _ in parts] == [0, *ends[:-1]]
            assert ends[-1] == output.planes(COLS)
