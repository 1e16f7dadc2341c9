"""Layers of quantised ONNX models against onnxruntime, which computes them in float32.

A result of golden is at most 3/4 of a step off the real one (two roundings, the first to half a
step or finer), onnxruntime's at most 1/2: so they differ by one step at most.
"""

import numpy as np
import pytest

from hw.spec.config import preset
from tests.compiler.test_values import check
from tests.support.onnx_builder import (
    OnnxBuilder,
    layer_differences,
    quant_of,
    random_inputs,
    step_differences,
)


def int8(generator, *shape):
    return generator.integers(-127, 127, shape, np.int8, endpoint=True)


def weighted(net, generator, op, shape, axis, bias=None, per_channel=True, **attrs):
    """A layer on a stored input of ``shape`` with random weights; ``shape[1]`` first."""
    x_shape, w_shape = shape
    x = net.stored(net.input(*x_shape), *quant_of(generator))
    channels = w_shape[axis] * (attrs.get("group", 1) if op == "ConvTranspose" else 1)
    taps = np.prod(w_shape) / w_shape[axis]
    scales = generator.uniform(0.001, 0.002, channels if per_channel else ())
    w = net.weights(int8(generator, *w_shape), scales, axis)
    inputs = [x, w]
    if bias:
        inputs.append(net.constant(generator.normal(size=channels).astype(np.float32)))
    y = net.node(op, *inputs, **attrs)
    return y, float(np.float32(0.002 * np.sqrt(taps)))


CONVOLUTIONS = {
    "plain": ((1, 5, 9, 7), (6, 5, 3, 3), {}),
    "padded on each side of its own": ((1, 3, 9, 8), (4, 3, 3, 2), {"pads": [1, 0, 2, 1]}),
    "strided": ((1, 3, 10, 9), (4, 3, 3, 3), {"strides": [2, 3], "pads": [1, 1, 1, 1]}),
    "dilated": ((1, 3, 11, 12), (4, 3, 3, 3), {"dilations": [2, 3]}),
    "grouped": ((1, 6, 5, 5), (9, 2, 3, 3), {"group": 3}),
    "depthwise": ((1, 6, 7, 5), (6, 1, 3, 3), {"group": 6, "pads": [1, 1, 1, 1]}),
    "depthwise with multiplier": ((1, 4, 7, 5), (8, 1, 3, 3), {"group": 4}),
    "same upper": ((1, 3, 9, 8), (4, 3, 4, 2), {"auto_pad": "SAME_UPPER", "strides": [2, 1]}),
    "same lower": ((1, 3, 9, 8), (4, 3, 4, 2), {"auto_pad": "SAME_LOWER", "strides": [2, 1]}),
    "valid": ((1, 3, 9, 8), (4, 3, 4, 2), {"auto_pad": "VALID"}),
    "with its kernel named": ((1, 3, 6, 6), (4, 3, 3, 2), {"kernel_shape": [3, 2]}),
    "one axis": ((1, 5, 19), (6, 5, 3), {"strides": [2], "pads": [1, 0], "dilations": [2]}),
    "one axis, depthwise": ((1, 5, 19), (5, 1, 4), {"group": 5}),
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution(generator, case, bias):
    x_shape, w_shape, attrs = CONVOLUTIONS[case]
    net = OnnxBuilder()
    shape = (x_shape, w_shape)
    y, scale = weighted(net, generator, "Conv", shape, 0, bias, bool(bias), **attrs)
    net.output(net.stored(y, scale, quant_of(generator)[1]))
    graph, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1
    depthwise = "depthwise" in case
    assert graph.nodes[0].op == ("depthwise_conv2d" if depthwise else "conv2d")


TRANSPOSED = {
    "one scale": ((1, 6, 5, 4), (6, 3, 3, 2), None, {"group": 2, "strides": [2, 1]}),
    "scales along the outputs": ((1, 6, 5, 4), (6, 3, 2, 2), 1, {"group": 3, "strides": [2, 2]}),
    "depthwise": ((1, 6, 5, 4), (6, 1, 4, 4), 0, {"group": 6, "strides": [2, 2], "pads": [1] * 4}),
    "depthwise, one scale": ((1, 20, 3, 3), (20, 1, 2, 3), 1, {"group": 20, "strides": [2, 3]}),
    "depthwise with multiplier": ((1, 4, 5, 4), (4, 3, 3, 3), 0, {"group": 4, "strides": [2, 2]}),
    "over one axis": ((1, 4, 9), (4, 2, 4), None, {"group": 2, "strides": [2], "pads": [1, 1]}),
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("case", TRANSPOSED)
def test_transposed_convolution_in_groups_is_the_arrays(generator, case, bias):
    x_shape, w_shape, axis, attrs = TRANSPOSED[case]
    net = OnnxBuilder()
    x = net.stored(net.input(*x_shape), *quant_of(generator))
    scales = generator.uniform(0.001, 0.002, () if axis is None else w_shape[axis])
    inputs = [x, net.weights(int8(generator, *w_shape), scales, axis or 0)]
    if bias:
        outputs = w_shape[1] * attrs["group"]
        inputs.append(net.constant(generator.normal(size=outputs).astype(np.float32)))
    y = net.node("ConvTranspose", *inputs, **attrs)
    net.output(net.stored(y, 0.03, quant_of(generator)[1]))
    graph, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1
    assert graph.nodes[0].op == "transpose_conv2d"
    check(graph, preset("tiny"), False, seed=1)


def test_a_layer_whose_result_is_stored_twice_is_two(generator):
    """Two quantisers of other steps, and an activation before a third."""
    net = OnnxBuilder()
    shape = ((1, 5, 9, 7), (6, 5, 3, 3))
    y, scale = weighted(net, generator, "Conv", shape, 0, True)
    net.output(net.stored(y, scale, 5))
    net.output(net.stored(y, 1.7 * scale, -20))
    net.output(net.stored(net.node("Relu", y), 0.6 * scale, -128))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["conv2d"] * 3
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize(
    "op, bounds, activation",
    [
        ("Relu", (), "relu"),
        ("Clip", (0.0, 6.0), "relu6"),
        ("Clip", (-1.0, 1.0), "relu_n1_to_1"),
        ("Clip", (0.0, 1000.0), "relu"),
        ("Clip", (-1000.0, 1000.0), "none"),
    ],
)
def test_activation_joins_the_layer(generator, op, bounds, activation):
    net = OnnxBuilder()
    y, _ = weighted(net, generator, "Conv", ((1, 4, 6, 6), (5, 4, 3, 3)), 0, True)
    limits = [net.constant(np.float32(b)) for b in bounds]
    net.output(net.stored(net.node(op, y, *limits), 0.05, -10))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["conv2d"]
    assert graph.nodes[0].attrs["activation"] == activation
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("spatial", [False, True])
def test_gemm_after_flattening_channels_first(generator, trans, spatial):
    """The weights' columns go where the graph, with channels last, has the elements."""
    net = OnnxBuilder()
    shape = (1, 6, 3, 4) if spatial else (1, 72)
    x = net.stored(net.input(*shape), *quant_of(generator))
    steps = int8(generator, 10, 72)
    scales = generator.uniform(0.001, 0.002, 10)
    w = net.weights(steps if trans else steps.T, scales, 0 if trans else 1)
    bias = net.constant(generator.normal(size=10).astype(np.float32))
    y = net.node("Gemm", net.node("Flatten", x), w, bias, transB=trans)
    net.output(net.stored(y, 0.02, 5))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["fully_connected"]
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize(
    "shape, op",
    [
        ((1, 24), "fully_connected"),
        ((1, 7, 24), "conv2d"),
        ((1, 3, 5, 24), "conv2d"),
    ],
)
def test_matmul_with_a_bias_added(generator, shape, op):
    net = OnnxBuilder()
    x = net.stored(net.input(*shape), *quant_of(generator))
    w = net.weights(int8(generator, 24, 11), generator.uniform(0.001, 0.002, 11), 1)
    bias = net.constant(generator.normal(size=11).astype(np.float32))
    net.output(net.stored(net.node("Add", bias, net.node("MatMul", x, w)), 0.02, 5))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == [op]
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_stored_inputs_and_outputs(generator, dtype):
    """uint8 is the same as int8 with every value 128 lower; weights may be uint8 too."""
    net = OnnxBuilder()
    quant = quant_of(generator, dtype)
    x = net.dequantize(net.input(1, 3, 6, 5, dtype=dtype), *quant)
    steps = generator.integers(1, 255, (4, 3, 3, 3), np.uint8, endpoint=True)
    steps = steps if dtype == "uint8" else (steps.astype(int) - 128).astype(np.int8)
    y = net.node("Conv", x, net.weights(steps, generator.uniform(0.001, 0.002, 4)))
    net.output(net.quantize(y, 0.02, quant_of(generator, dtype)[1], dtype), dtype)
    graph, differences = step_differences(net, generator)
    assert {graph.tensors[n].dtype for n in (*graph.inputs, *graph.outputs)} == {dtype}
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_stored_input_read_transposed_and_as_it_is(generator, dtype):
    """Whichever is read first; a zero point that is absent is 0 of the input's own type."""
    net = OnnxBuilder()
    x, scale = net.input(1, 3, 6, 5, dtype=dtype), net.constant(np.float32(0.05))
    moved = net.node("Transpose", x, perm=[0, 2, 3, 1])
    for name in (moved, x, moved):
        read = net.node("DequantizeLinear", name, scale)
        net.output(net.stored(net.node("Relu", read), 0.05, -128))
    graph, differences = step_differences(net, generator)
    assert graph.tensors["input"].declared.shape == (1, 3, 6, 5)
    assert not differences.any()


def test_a_stored_input_that_is_an_output_too_keeps_its_type():
    net = OnnxBuilder()
    x = net.input(1, 3, 6, 5, dtype="uint8")
    net.output(net.stored(net.node("Relu", net.dequantize(x, 0.05, 3, "uint8")), 0.05))
    net.output(net.node("Identity", x), "uint8")
    graph = net.graph()
    assert graph.tensors[graph.outputs[1]].declared.dtype == "uint8"


def test_stored_bias_stays_to_the_bit(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 3, 6, 5), 0.0625, 7)
    w = net.weights(int8(generator, 4, 3, 3, 3), np.full(4, 0.03125))
    steps = generator.integers(-10000, 10000, 4, np.int32)
    b = net.weights(steps, np.full(4, 0.0625 * 0.03125))
    net.output(net.stored(net.node("Conv", x, w, b), 0.25, 5))
    graph, differences = step_differences(net, generator)
    np.testing.assert_array_equal(graph.tensors[graph.nodes[0].inputs[2]].data, steps)
    assert np.abs(differences).max() <= 1


def test_addition(generator):
    net = OnnxBuilder()
    a = net.stored(net.input(1, 5, 6, 7, name="a"), *quant_of(generator))
    b = net.stored(net.input(1, 5, 6, 7, name="b"), *quant_of(generator))
    net.output(net.stored(net.node("Relu", net.node("Add", a, b)), 0.06, -100))
    graph, differences = step_differences(net, generator)
    assert graph.nodes[0].op == "add" and graph.nodes[0].attrs == {"activation": "relu"}
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_constant_per_channel(generator, op):
    """A depthwise convolution of one tap, whose weights are 127 with a scale each."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 4, 3), 0.02, 7)
    values = generator.uniform(0.5, 2, (5, 1, 1)) * generator.choice([-1, 1], (5, 1, 1))
    net.output(net.stored(net.node(op, x, net.constant(values.astype(np.float32))), 0.03, -9))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["depthwise_conv2d"]
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("never", [-1e9, -(2.0**30) * 0.03 * 0.05])
def test_a_bias_beyond_all_that_the_output_shows(generator, never):
    """As in masks. The output's scale is finer than the products', so the requantiser shifts the
    sum to the left."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 3, 5, 4), 0.03, 4)
    w = net.weights(int8(generator, 4, 3, 1, 1), np.full(4, 0.05), 0)
    y = net.node("Conv", x, w, net.constant(np.float32([0, 1, 0, 2])))
    mask = np.float32([never, 0.5, -never, 1])[:, None, None]
    masked = net.node("Add", net.stored(y, 0.001, -7), net.constant(mask))
    net.output(net.stored(masked, 0.0005, 3))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_a_stored_bias_beyond_all_that_the_output_shows(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 3, 5, 4), 0.03, 4)
    w = net.weights(int8(generator, 4, 3, 1, 1), 0.05)
    bias = net.dequantize(net.constant(np.int32([-(2**30), 0, 2**30, 5])), 0.03 * 0.05, 0, "int32")
    net.output(net.stored(net.node("Conv", x, w, bias), 0.0005, 3))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_batch_normalization(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 4, 3), 0.02, 7)
    parameters = [generator.uniform(0.5, 2, 5).astype(np.float32) for _ in range(4)]
    y = net.node("BatchNormalization", x, *map(net.constant, parameters), epsilon=1e-3)
    net.output(net.stored(net.node("Relu", y), 0.03, -9))
    graph, differences = step_differences(net, generator)
    assert graph.nodes[0].op == "depthwise_conv2d"
    assert graph.nodes[0].attrs["activation"] == "relu"
    assert np.abs(differences).max() <= 1


def test_concatenation_of_channels(generator):
    """Equal parameters move values; others go through ``quantize``."""
    net = OnnxBuilder()
    a = net.stored(net.input(1, 5, 4, 3, name="a"), 0.05, 3)
    b = net.stored(net.input(1, 2, 4, 3, name="b"), 0.03, -50)
    net.output(net.stored(net.node("Concat", a, b, axis=1), 0.05, 3))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["concatenation"]
    assert np.abs(differences).max() <= 1
    assert not differences.reshape(7, -1)[:5].any()


def test_concatenation_of_the_outermost_axis(generator):
    """As detectors join the boxes of several maps."""
    net = OnnxBuilder()
    parts = []
    for name, size in (("a", 4), ("b", 2)):
        x = net.stored(net.input(1, 12, size, size, name=name), 0.05, 3)
        moved = net.node("Transpose", x, perm=[0, 2, 3, 1])
        parts.append(net.node("Reshape", moved, net.constant([1, -1, 4])))
    net.output(net.stored(net.node("Concat", *parts, axis=1), 0.05, 3))
    graph, differences = step_differences(net, generator)
    assert not differences.any()
    assert graph.tensors[graph.outputs[0]].declared.shape == (1, 60, 4)


def test_padding_with_zeros(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 4, 3), 0.05, 3)
    y = net.node("Pad", x, net.constant([0, 0, 1, 2, 0, 0, 3, 0]))
    net.output(net.stored(y, 0.05, 3))
    assert not step_differences(net, generator)[1].any()


def test_another_scale(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 4, 3), 0.05, 3)
    net.output(net.stored(x, 0.07, -20))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["quantize"]
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("quant", [(1 / 256, -128), (0.005, -100)])
def test_softmax(generator, quant):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 12), 0.05, 3)
    net.output(net.stored(net.node("Softmax", x), *quant))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_axes_that_move_cost_nothing(generator):
    """Channels last in the model, and axes of size 1 put in and out."""
    net = OnnxBuilder()
    x = net.node("Transpose", net.stored(net.input(1, 9, 8, 3), 0.05, 3), perm=[0, 3, 1, 2])
    w = net.weights(int8(generator, 4, 3, 3, 3), generator.uniform(0.001, 0.002, 4))
    y = net.stored(net.node("Conv", x, w), 0.02, 4)
    y = net.node("Squeeze", net.node("Unsqueeze", y, net.constant([1])), net.constant([1]))
    net.output(net.stored(net.node("Transpose", y, perm=[0, 2, 3, 1]), 0.02, 4))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["conv2d"]
    assert graph.tensors["input"].declared.order == (0, 1, 2, 3)
    assert np.abs(differences).max() <= 1


def test_several_outputs_and_uses(generator):
    net = OnnxBuilder()
    x = net.stored(net.input("N", 4, 6, 6), 0.05, 3)
    w = net.weights(int8(generator, 4, 4, 1, 1), generator.uniform(0.001, 0.002, 4))
    y = net.stored(net.node("Conv", x, w), 0.02, 4)
    net.output(y)
    net.output(net.node("Identity", net.node("Dropout", y)))
    net.output(net.stored(net.node("Add", x, y), 0.06, 1))
    graph, differences = step_differences(net, generator)
    assert len(graph.outputs) == 3
    assert np.abs(differences).max() <= 1


def transposed(net, x, generator):
    w = net.weights(int8(generator, 6, 4, 3, 2), generator.uniform(0.001, 0.002, 4), 1)
    return net.node("ConvTranspose", x, w, strides=[2, 3], pads=[1, 0, 0, 1], output_padding=[1, 2])


def excited(net, x, generator):
    gate = net.stored(net.node("GlobalAveragePool", x), 0.02, 1)
    return net.node("Mul", net.stored(net.node("Sigmoid", gate), 1 / 256, -128), x)


def normalised(net, x, generator):
    gamma, beta = (net.constant(generator.normal(size=6).astype(np.float32)) for _ in range(2))
    return net.node("LayerNormalization", net.node("Transpose", x, perm=[0, 2, 3, 1]), gamma, beta)


def resized(**attrs):
    return lambda net, x, generator: net.node(
        "Resize", x, "", net.constant(np.float32([1, 1, 2, 2])), **attrs
    )


def table(net, x, generator):
    return net.node("Elu", net.node("Mul", x, net.constant(np.float32(0.7))))


OTHERS = {
    "transposed convolution": transposed,
    "squeeze and excitation": excited,
    "layer normalisation": normalised,
    "nearest": resized(mode="nearest"),
    "bilinear": resized(mode="linear"),
    "bilinear, corners": resized(mode="linear", coordinate_transformation_mode="align_corners"),
    "mean": lambda net, x, _: net.node("ReduceMean", x, net.constant([2, 3]), keepdims=0),
    "table": table,
    **{
        op: lambda net, x, _, op=op: net.node(op, x)
        for op in ("Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Relu", "Sigmoid", "Tanh")
    },
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_layers(generator, case):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 6, 5, 4), 0.03, 4)
    net.output(net.stored(OTHERS[case](net, x, generator), 0.05, -20))
    graph = net.graph()
    differences = layer_differences(net.model(), graph, random_inputs(graph, generator))
    assert graph.outputs[0] in differences and max(differences.values()) <= 1
