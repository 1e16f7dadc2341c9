"""Resizes and transposed convolutions on the array."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.codegen.program import encode_commands
from compiler.driver import compile
from compiler.ir.graph import Graph
from compiler.options import CompilerOptions
from compiler.passes.needed import needs
from golden.resize import resize
from hw.spec.config import PRESETS, with_values
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY = PRESETS["tiny"]
SMALL = with_values(TINY, {"scratchpad_bytes": 64 * TINY.line_bytes})
WIDE = with_values(PRESETS["ecp5"], {"scratchpad_bytes": 260 * PRESETS["ecp5"].line_bytes})

#: Input, output size, mode, half_pixel_centers: what the hardware resizes.
SIZES = (
    ((3, 5, 6), (6, 10), "nearest", False),
    ((7, 4, 3), (21, 8), "nearest", True),
    ((4, 3, 9), (4, 9), "nearest", False),
    ((4, 3, 9), (8, 3), "nearest", False),
    ((1, 1, 18), (9, 13), "nearest", False),
    ((1, 1, 5), (33, 33), "bilinear", False),
    ((1, 7, 5), (4, 14), "nearest", False),
    ((7, 1, 5), (7, 6), "bilinear", True),
    ((1, 6, 5), (3, 12), "bilinear", True),
    ((6, 5, 7), (12, 10), "bilinear", True),
    ((6, 5, 7), (12, 10), "bilinear", False),
    ((2, 2, 20), (8, 8), "bilinear", True),
    ((5, 3, 2), (5, 24), "bilinear", False),
    ((5, 3, 2), (10, 3), "bilinear", True),
    ((4, 5, 3), (4, 5), "bilinear", True),
    ((12, 16, 8), (24, 32), "nearest", False),
    ((12, 16, 8), (24, 32), "bilinear", True),
)

#: Input, channels, kernel, stride, padding, output padding and, if there are several, groups.
TRANSPOSED = (
    ((5, 6, 7), 9, (2, 2), (2, 2), (0, 0, 0, 0), (0, 0)),
    ((5, 6, 3), 5, (4, 4), (2, 2), (1, 1, 1, 1), (0, 0)),
    ((5, 6, 9), 17, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    ((5, 6, 3), 5, (3, 3), (2, 2), (0, 0, 0, 0), (0, 0)),
    ((4, 7, 3), 5, (5, 3), (1, 1), (2, 1, 0, 1), (0, 0)),
    ((4, 7, 3), 5, (3, 2), (2, 1), (0, 1, 1, 0), (1, 0)),
    ((4, 7, 3), 5, (3, 2), (2, 1), (0, 0, 0, 0), (0, 0)),
    ((4, 3, 6), 5, (1, 2), (3, 4), (0, 0, 0, 0), (2, 1)),
    ((1, 1, 6), 5, (4, 5), (2, 3), (1, 0, 0, 2), (0, 0)),
    ((10, 12, 8), 8, (4, 4), (2, 2), (1, 1, 1, 1), (0, 0)),
    ((5, 6, 18), 18, (4, 4), (2, 2), (1, 1, 1, 1), (0, 0), 18),
    ((5, 6, 12), 18, (3, 3), (2, 3), (1, 0, 1, 1), (1, 0), 3),
    ((4, 3, 16), 16, (1, 2), (2, 2), (0, 0, 0, 0), (1, 0), 4),
)


def resized(shape, size, mode, half_pixel) -> Graph:
    """A map that a layer makes, resized, and read by another; nothing but the end is stored."""
    net = Net(shape)
    x = net.conv("input", shape[2], kernel=(1, 1))
    return net.finish(net.conv(net.resize(x, size, mode, half_pixel), 4, kernel=(1, 1)))


def transposed(shape, channels, kernel, stride, padding, extra, groups=1) -> Graph:
    net = Net(shape)
    y = net.transpose("input", channels, kernel, stride, padding, extra, "relu6", groups)
    return net.finish(net.pool("max_pool2d", y, (1, 1)))


CASES = {
    **{f"resize{i}": resized(*case) for i, case in enumerate(SIZES)},
    **{f"transpose{i}": transposed(*case) for i, case in enumerate(TRANSPOSED)},
}


@pytest.mark.parametrize("case", CASES)
def test_values_waits_and_macs(case, seed):
    graph = CASES[case]
    check(graph, SMALL, False, seed)
    compiled = compile(graph, SMALL, CompilerOptions())
    assert hazards(encode_commands(compiled.commands, SMALL), SMALL) == []
    assert sum(op.macs for op in compiled.network.ops) == needs(graph).macs


@pytest.mark.parametrize("case", ("resize0", "resize9", "resize11", "transpose2", "transpose3"))
def test_every_tensor_stored(case, seed):
    graph = CASES[case]
    assert check(graph, WIDE, True, seed) == len(graph.nodes)


@pytest.mark.parametrize("op", ("resize", "transpose"))
def test_the_networks_own_input_and_a_stored_output(op, seed):
    net = Net((5, 6, 7))
    y = net.resize("input", (10, 12)) if op == "resize" else net.transpose("input", 5)
    assert check(net.finish(y), SMALL, False, seed) == 1


def test_a_resized_map_in_a_concatenation_and_beside_other_readers(seed):
    net = Net((6, 6, 8))
    low = net.conv("input", 8, stride=(2, 2), padding=(1, 1, 1, 1))
    high = net.conv("input", 8, kernel=(1, 1))
    up = net.resize(low, (6, 6))
    both = net.op("concatenation", (net.transpose(low, 16), up, high))
    graph = net.finish(net.conv(both, 9), net.add(up, high), net.add(low, net.conv(low, 8, (1, 1))))
    for config in (SMALL, TINY, WIDE):
        assert check(graph, config, False, seed) >= 3


def test_a_map_that_is_resized_and_added_to_stays(seed):
    """The addition's operand must not be fused away while a resize reads it too."""
    net = Net((4, 4, 8))
    x = net.conv("input", 8, kernel=(1, 1))
    y = net.add(x, net.conv("input", 8, kernel=(1, 1)))
    assert check(net.finish(y, net.resize(x, (8, 8))), TINY, False, seed) == 2


def test_more_pixels_than_rows_of_a_window(seed):
    net = Net((128, 130, 1))
    x = net.pool("max_pool2d", "input", (1, 1))
    graph = net.finish(net.resize(x, (128, 260)))
    check(graph, with_values(TINY, {"scratchpad_bytes": 16384 * TINY.line_bytes}), False, seed)


@pytest.mark.parametrize("size", ((2, 2), (3, 5), (7, 4)))
@pytest.mark.parametrize("half_pixel", (False, True))
def test_bilinear_by_powers_of_two_is_one_rounding_of_small_weights(size, half_pixel, seed):
    """What resize.py relies on, against golden: all sums of the four pixels' weights are exact."""
    x = np.random.default_rng(seed).integers(-128, 128, (1, *size, 64)).astype(np.int8)
    found = resize(x, "bilinear", (2 * size[0], 2 * size[1]), False, half_pixel)
    bordered = np.pad(x.astype(np.int64), ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    taps = {False: ((1, (2, 0)), (1, (1, 1))), True: ((0, (1, 3)), (1, (3, 1)))}[half_pixel]
    total = sum(taps[0][1]) ** 2
    for py, (y, down) in enumerate(taps):
        for px, (x0, across) in enumerate(taps):
            sums = sum(
                down[i]
                * across[j]
                * total
                // (sum(down) * sum(across))
                * bordered[:, y + i : y + i + size[0], x0 + j : x0 + j + size[1]]
                for i in (0, 1)
                for j in (0, 1)
                if down[i] * across[j]
            )
            expected = np.sign(sums) * ((2 * np.abs(sums) + total) // (2 * total))
            np.testing.assert_array_equal(found[:, py::2, px::2], expected)


@pytest.mark.parametrize(
    ("shape", "size", "mode", "corners", "reason"),
    (
        ((33, 33, 2), (257, 257), "bilinear", True, "whole multiples of both sides"),
        ((4, 4, 2), (12, 12), "bilinear", False, "same weights"),
        ((4, 4, 2), (8, 8), "bilinear", True, "bilinear with align_corners"),
        ((4, 4, 2), (12, 12), "nearest", True, "same weights"),
        ((4, 4, 2), (2, 2), "nearest", False, "whole multiples of both sides"),
        ((4, 4, 2), (64, 64), "bilinear", False, "weights up to 225; up to 127 are accepted"),
        ((2, 5000, 2), (8, 5000), "bilinear", False, "4 phases of 5000 columns; 16383"),
    ),
)
def test_what_the_hardware_does_not_resize(shape, size, mode, corners, reason):
    net = Net(shape)
    graph = net.finish(net.resize("input", size, mode, corners=corners))
    (left,) = compile(graph, TINY, CompilerOptions()).network.host
    assert reason in left.reason
