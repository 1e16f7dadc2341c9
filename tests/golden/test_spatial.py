"""Resizes and transposed convolutions against LiteRT's kernels, ONNX Runtime and PyTorch."""

import numpy as np
import pytest
import torch

from golden.network import run
from golden.ops import transpose_conv2d_accumulators
from tests.golden.layers import (
    ACTIVATIONS,
    RandomLayers,
    activation,
    constant,
    one_node,
    seeds,
)
from tests.golden.oracle import run_litert
from tests.support.tflite_builder import build_model
from tests.support.tflite_options import same_padding


def assert_equal_to_litert(graph, inputs):
    expected = run_litert(build_model(graph), inputs)["y"]
    actual = run(graph, inputs)["y"]
    np.testing.assert_array_equal(actual, expected, err_msg=str(graph["nodes"][0]["attrs"]))


def resize_graph(shape, size, mode, align_corners, half_pixel_centers):
    x, y = (activation(s, 0.1, -9) for s in (shape, (shape[0], *size, shape[3])))
    return one_node(
        "resize",
        {"x": x},
        {},
        y,
        mode=mode,
        size=size,
        align_corners=align_corners,
        half_pixel_centers=half_pixel_centers,
    )


def litert_reads_outside(shape, size, corners):
    """Whether a step of LiteRT's bilinear kernel, rounded to 1/1024, leads behind the last pixel,
    where it reads what lies in memory there."""

    def outside(inputs, outputs):
        step = ((inputs << 10) + outputs // 2) // outputs
        return (outputs - 1) * step >> 10 > inputs - 1

    return not any(corners) and any(map(outside, shape[1:3], size))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("seed", seeds(80))
def test_resize_equals_litert(mode, seed):
    r = RandomLayers(seed)
    shape = (r.integer(1, 2), r.integer(1, 20), r.integer(1, 20), r.integer(1, 5))
    factor = r.pick(1, 2, 3, 4, 8)
    any_size = (r.integer(1, 60), r.integer(1, 60))
    size = r.pick((shape[1] * factor, shape[2] * 2), any_size, any_size)
    corners = r.pick((False, False), (True, False), (False, True))
    while mode == "bilinear" and litert_reads_outside(shape, size, corners):
        size = (r.integer(1, 60), r.integer(1, 60))
    graph = resize_graph(shape, size, mode, *corners)
    assert_equal_to_litert(graph, r.inputs(graph))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_a_segmentation_head_equals_litert(mode):
    graph = resize_graph((1, 33, 33, 2), (257, 257), mode, mode == "bilinear", False)
    assert_equal_to_litert(graph, RandomLayers(seeds(1)[0]).inputs(graph))


def transpose_graph(r):
    """A transposed convolution as TFLite can say it: SAME or VALID and any output that fits."""
    kernel, stride = (r.integer(1, 6), r.integer(1, 6)), (r.integer(1, 4), r.integer(1, 4))
    shape = (1, r.integer(1, 9), r.integer(1, 9), r.integer(1, 9))
    outputs, padding, extra, sizes = r.integer(1, 9), [], [], []
    same = r.integer(0, 1)
    for side, taps, step in zip(shape[1:3], kernel, stride, strict=True):
        full = (side - 1) * step + taps
        size = side * step - r.integer(0, step - 1) if same else full + r.integer(0, step - 1)
        before = same_padding((1, size, size), (taps, taps), (step, step))[0] if same else 0
        after = full - before - size
        padding += [before, max(after, 0)]
        extra.append(max(-after, 0))
        sizes.append(size)
    count = outputs if r.integer(0, 1) else 1
    weight_scales = 2.0 ** r.rng.uniform(-9, -5, count)
    ratio = 2.0 ** r.rng.uniform(4, 12)
    bound = int(ratio * 100)
    scale = r.scale()
    constants = {
        "w": constant(
            r.rng.integers(-127, 127, (outputs, *kernel, shape[3]), "int8", endpoint=True),
            weight_scales,
            0 if count > 1 else None,
        )
    }
    if r.integer(0, 2):
        bias = r.rng.integers(-bound, bound, outputs, "int32", endpoint=True)
        scales = np.float32(scale) * np.float32(weight_scales)
        constants["bias"] = constant(bias, scales, 0 if count > 1 else None)
    y = activation(
        (1, *sizes, outputs), scale * float(np.median(weight_scales)) * ratio, r.zero_point()
    )
    return one_node(
        "transpose_conv2d",
        {"x": activation(shape, scale, r.zero_point())},
        constants,
        y,
        stride=stride,
        padding=tuple(padding),
        output_padding=tuple(extra),
        groups=1,
        activation=r.pick(*ACTIVATIONS),
    )


@pytest.mark.parametrize("seed", seeds(80))
def test_transpose_conv_equals_litert(seed):
    r = RandomLayers(seed)
    graph = transpose_graph(r)
    assert_equal_to_litert(graph, r.inputs(graph))


@pytest.mark.parametrize("seed", seeds(40))
def test_accumulators_equal_torch(seed):
    r = RandomLayers(seed)
    kernel, stride = (r.integer(1, 6), r.integer(1, 6)), (r.integer(1, 4), r.integer(1, 4))
    extra = tuple(r.integer(0, s - 1) for s in stride)
    crop = tuple(r.integer(0, (k - 1) // 2) for k in kernel)
    groups = r.pick(1, 1, 2, 5)
    depth, each = r.integer(1, 8), r.integer(1, 8)
    outputs = groups * each
    x = r.values((2, r.integer(1, 9), r.integer(1, 9), groups * depth))
    weights = r.values((outputs, *kernel, depth))
    bias = r.rng.integers(-(1 << 20), 1 << 20, outputs, "int32")
    zero_point = r.zero_point()
    found = transpose_conv2d_accumulators(
        x, weights, bias, zero_point, stride, (crop[0], crop[0], crop[1], crop[1]), extra, groups
    )
    grouped = weights.reshape(groups, each, *kernel, depth).transpose(0, 4, 1, 2, 3)
    expected = torch.nn.functional.conv_transpose2d(
        torch.from_numpy(x.astype(np.float64) - zero_point).permute(0, 3, 1, 2),
        torch.from_numpy(grouped.reshape(groups * depth, each, *kernel).astype(np.float64)),
        torch.from_numpy(bias.astype(np.float64)),
        stride,
        crop,
        extra,
        groups,
    )
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected.permute(0, 2, 3, 1).numpy())
