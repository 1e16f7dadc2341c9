"""Inputs of ONNX models that a view moves before their first QuantizeLinear."""

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from golden.declared import from_declared, to_declared
from golden.network import run
from tests.support.onnx_builder import OnnxBuilder, run_onnx, step_differences


def _weights(net, generator, *shape):
    return net.weights(generator.integers(-127, 128, shape).astype(np.int8), 0.01)


def test_an_input_that_is_flattened_first(generator):
    """As onnxruntime's quantiser writes a multilayer perceptron."""
    net = OnnxBuilder()
    x = net.stored(net.node("Flatten", net.input(1, 4, 5, 3)), 0.03)
    y = net.node("Gemm", x, _weights(net, generator, 7, 60), transB=1)
    net.output(net.stored(y, 0.2))
    graph, differences = step_differences(net, generator)
    assert graph.tensors["input"].declared.shape == (1, 4, 5, 3)
    assert np.abs(differences).max() <= 1


def test_an_input_with_channels_last(generator):
    """As tf2onnx writes all models."""
    net = OnnxBuilder()
    moved = net.node("Transpose", net.input(1, 8, 6, 3), perm=[0, 3, 1, 2])
    y = net.node("Conv", net.stored(moved, 0.03), _weights(net, generator, 5, 3, 3, 3))
    net.output(net.stored(y, 0.2))
    graph, differences = step_differences(net, generator)
    declared = graph.tensors["input"].declared
    assert (declared.shape, declared.order) == ((1, 8, 6, 3), (0, 1, 2, 3))
    assert np.abs(differences).max() <= 1


def test_an_input_that_two_views_read(generator):
    net = OnnxBuilder()
    x = net.input(1, 2, 4, 4)
    flat = net.stored(net.node("Flatten", x), 0.03)
    y = net.node("Gemm", flat, _weights(net, generator, 4, 32), transB=1)
    net.output(net.stored(y, 0.2))
    y = net.node("Conv", net.stored(x, 0.03), _weights(net, generator, 4, 2, 3, 3))
    net.output(net.stored(y, 0.2))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_a_gain_of_zero(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 3, 4, 4), 0.003)
    x = net.stored(net.node("MaxPool", x, kernel_shape=[2, 2]), 0.003)
    gain = net.constant(np.array([0.5, 0, -2], np.float32).reshape(3, 1, 1))
    net.output(net.stored(net.node("Mul", x, gain), 0.005))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


def test_real_inputs_round_ties_to_even(generator):
    """Pixels divided by 255 at a scale of 2/255: half of them lie between two steps."""
    net = OnnxBuilder()
    net.output(net.stored(net.input(1, 1, 16, 16), 2 / 255, -128))
    graph = net.graph().to_dict()
    x = (np.arange(256) / 255).astype(np.float32).reshape(1, 1, 16, 16)
    (expected,) = run_onnx(net.bytes(), {"input": x})
    tensors, (output,) = graph["tensors"], graph["outputs"]
    values = run(graph, {"input": from_declared(x, tensors["input"])})
    np.testing.assert_array_equal(to_declared(values[output], tensors[output]), expected)


def test_two_scales_of_an_input_are_refused_with_the_remedy():
    net = OnnxBuilder()
    x = net.input(1, 3, 5, 5)
    both = [net.stored(x, scale) for scale in (0.02, 0.03)]
    net.output(net.stored(net.node("Concat", *both, axis=1), 0.03))
    message = (
        r"^node 'QuantizeLinear_2' .*second scale for the input 'input', .*DequantizeLinear gives$"
    )
    with pytest.raises(UnsupportedError, match=message):
        net.graph()
