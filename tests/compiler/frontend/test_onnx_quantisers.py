"""What quantisers write: zero points of weights, narrow types, bounds, stored moves."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.onnx import parse_onnx, read_onnx
from tests.support.onnx_builder import OnnxBuilder, step_differences


def _asymmetric(net, generator, shape, axis, dtype):
    """Weights over the whole type, with a zero point for each channel; steps of 255 and -255."""
    limits, channels = np.iinfo(dtype), shape[axis]
    steps = generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    zero_points = generator.integers(limits.min, limits.max, channels, dtype, endpoint=True)
    ends = limits.min, limits.max
    zero_points[:2] = ends
    first, second = np.moveaxis(steps, axis, 0)[:2]
    first[0], second[0] = ends[::-1]
    scales = generator.uniform(0.001, 0.002, channels).astype(np.float32)
    names = [net.constant(v) for v in (steps, scales, zero_points)]
    return net.node("DequantizeLinear", *names, axis=axis)


LAYERS = {
    "conv": ("Conv", (1, 4, 7, 6), (5, 4, 3, 3), 0, {"pads": [1, 1, 0, 0]}),
    "conv in groups": ("Conv", (1, 6, 5, 5), (4, 3, 3, 3), 0, {"group": 2}),
    "depthwise": ("Conv", (1, 6, 5, 5), (6, 1, 3, 3), 0, {"group": 6}),
    "conv over one axis": ("Conv", (1, 4, 9), (5, 4, 3), 0, {}),
    "transposed": ("ConvTranspose", (1, 4, 5, 4), (4, 3, 3, 3), 1, {"strides": [2, 2]}),
    "gemm": ("Gemm", (1, 40), (7, 40), 0, {"transB": 1}),
    "matmul over rows": ("MatMul", (1, 5, 12), (12, 7), 1, {}),
}


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("layer", LAYERS)
def test_weights_with_zero_points(generator, layer, dtype):
    op, x_shape, w_shape, axis, attrs = LAYERS[layer]
    net = OnnxBuilder()
    x = net.stored(net.input(*x_shape), 0.02, 5)
    weights = _asymmetric(net, generator, w_shape, axis, dtype)
    scale = 0.003 * np.sqrt(np.prod(w_shape) / w_shape[axis])
    net.output(net.stored(net.node(op, x, weights, **attrs), scale, -7))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_weights_of_a_flattened_map_with_zero_points(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 3, 4, 5), 0.02, 5)
    weights = _asymmetric(net, generator, (60, 7), 1, "uint8")
    net.output(net.stored(net.node("Gemm", net.node("Flatten", x), weights), 0.03))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_zero_points_that_leave_eight_bits_cost_nothing(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 5, 5), 0.02)
    steps = generator.integers(60, 180, (6, 4, 3, 3), np.uint8)
    names = [net.constant(v) for v in (steps, np.float32(0.002), np.uint8(101))]
    y = net.node("Conv", x, net.node("DequantizeLinear", *names))
    net.output(net.stored(y, 0.03))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["conv2d"]
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("kind", ["INT4", "UINT4"])
def test_weights_of_four_bits(generator, kind):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 5, 5), 0.02)
    low, high, zero_point = (-8, 7, 0) if kind == "INT4" else (0, 15, 8)
    code = getattr(TensorProto, kind)
    names = []
    for shape, values in (
        ((6, 4, 3, 3), generator.integers(low, high + 1, 216)),
        ((), [zero_point]),
    ):
        names.append(net.tensor(helper.make_tensor(f"{kind}_{len(names)}", code, shape, values)))
    weights = net.node("DequantizeLinear", names[0], net.constant(np.float32(0.05)), names[1])
    net.output(net.stored(net.node("Conv", x, weights), 0.1))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_activations_of_four_bits(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 5, 5), 0.02)
    zero_point = net.tensor(helper.make_tensor("four", TensorProto.UINT4, (), [3]))
    scale = net.constant(np.float32(0.2))
    y = net.node("QuantizeLinear", net.node("LeakyRelu", x, alpha=0.5), scale, zero_point)
    net.output(net.node("DequantizeLinear", y, scale, zero_point))
    graph, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1
    assert graph.tensors[graph.outputs[0]].quant.zero_point == (3 - 128,)


def _clip(net, x, low, high, dtype="int8"):
    return net.node("Clip", x, *(net.constant(np.asarray(v, dtype)) for v in (low, high)))


def test_brevitas_clips_stored_values_and_weights(generator):
    net = OnnxBuilder()
    x = net.dequantize(_clip(net, net.quantize(net.input(1, 4, 5, 5), 0.02, 3), -60, 61), 0.02, 3)
    steps = net.constant(generator.integers(-128, 128, (6, 4, 3, 3)).astype(np.int8))
    weights = net.dequantize(_clip(net, steps, -127, 127), 0.002)
    y = net.quantize(net.node("Conv", x, weights), 0.01, -5)
    net.output(net.dequantize(_clip(net, y, -8, 7), 0.01, -5))
    graph, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1
    assert [node.op for node in graph.nodes] == ["lookup", "conv2d", "lookup"]


@pytest.mark.parametrize(
    ("op", "bounds"), [("Conv", (-0.5, 0.7)), ("Conv", (0.1, 0.2)), ("AveragePool", (-0.3, 0.9))]
)
def test_bounds_of_any_size(generator, op, bounds):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 6, 6), 0.02)
    if op == "Conv":
        steps = generator.integers(-127, 128, (5, 4, 3, 3)).astype(np.int8)
        y = net.node("Conv", x, net.weights(steps, 0.002))
    else:
        y = net.node("AveragePool", x, kernel_shape=[2, 2])
    y = net.node("Clip", y, *(net.constant(np.float32(b)) for b in bounds))
    net.output(net.stored(y, 0.02, -9))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


STORED = {
    "max pool": lambda net, q: net.node("MaxPool", q, kernel_shape=[2, 2], strides=[2, 2]),
    "slice": lambda net, q: net.node("Slice", q, *(net.constant(np.array([v])) for v in (1, 3, 1))),
    "pad with the zero point": lambda net, q: net.node(
        "Pad", q, net.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1])), net.constant(np.int8(3))
    ),
    "concatenation": lambda net, q: net.node("Concat", q, q, axis=1),
}


@pytest.mark.parametrize("name", STORED)
def test_moves_of_stored_values(generator, name):
    net = OnnxBuilder()
    stored = STORED[name](net, net.quantize(net.input(1, 4, 6, 6), 0.02, 3))
    net.output(net.dequantize(stored, 0.02, 3))
    _, differences = step_differences(net, generator)
    assert not differences.any()


def test_a_channel_of_zeros_takes_any_scale(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 5, 5), 0.02)
    steps = generator.integers(-127, 128, (6, 4, 3, 3)).astype(np.int8)
    steps[2] = 0
    scales = np.full(6, 0.002)
    scales[2] = 1e-30
    bias = net.constant(generator.normal(0, 0.5, 6).astype(np.float32))
    net.output(net.stored(net.node("Conv", x, net.weights(steps, scales), bias), 0.03))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_scales_in_blocks_are_refused_with_the_remedy(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 8), 0.02)
    steps = net.constant(generator.integers(-8, 8, (8, 6)).astype(np.int8))
    scale = net.constant(np.full((2, 6), 0.01, np.float32))
    weights = net.node("DequantizeLinear", steps, scale, axis=0, block_size=4)
    net.output(net.stored(net.node("MatMul", x, weights), 0.05))
    with pytest.raises(UnsupportedError, match=r"block_size is 4.*per output channel"):
        net.graph()


FAR_FINER = {
    "a maximum": lambda net, x: net.node("MaxPool", x, kernel_shape=[2, 2]),
    "an average": lambda net, x: net.node("AveragePool", x, kernel_shape=[2, 2]),
    "a mean": lambda net, x: net.node("GlobalAveragePool", x),
    "a function": lambda net, x: net.node("LeakyRelu", x, alpha=0.25),
    "a product": lambda net, x: net.node(
        "Mul", x, net.stored(net.node("GlobalMaxPool", x), 1.0, 3)
    ),
}


@pytest.mark.parametrize("case", FAR_FINER)
def test_steps_far_finer_than_the_inputs_saturate(generator, case):
    """In fixed point a left shift would push them out of 32 bits. A factor of the product is a
    maximum, which is exact: one of 0 in place of 1 would change all."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 5, 6), 1.0, 3)
    net.output(net.stored(FAR_FINER[case](net, x), 2.0**-30))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_a_layer_without_bias_whose_sums_leave_32_bits_is_refused(op):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 4, 5, 6), 1.0, 3)
    y = net.node(op, x, net.weights(np.full((4, 4, 3, 3), 127, np.int8), 1.0))
    net.output(net.stored(y, 2.0**-30))
    with pytest.raises(InputError, match=r"its sums have up to .* steps of that; fewer than 2"):
        read_onnx(parse_onnx(net.bytes(), None), "m")
