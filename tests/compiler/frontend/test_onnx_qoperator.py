"""Operators on stored integers against onnxruntime, which sums them in integers."""

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from tests.support.onnx_builder import OnnxBuilder, step_differences

X, Y = (0.02, 7), (0.05, -3)


def _quant(net, scale, zero_point, dtype):
    """Names of a scale and a zero point; as uint8 the zero point is 128 higher."""
    shift = 128 if dtype == "uint8" else 0
    return net.constant(np.float32(scale)), net.constant(np.asarray(zero_point + shift, dtype))


def _weights(net, generator, *shape, scales=None):
    # Products of pairs fit 16 bits, where onnxruntime's kernels for old processors saturate.
    steps = generator.integers(-63, 64, shape).astype(np.int8)
    scale = np.float32(0.004) if scales is None else scales.astype(np.float32)
    return [net.constant(v) for v in (steps, scale, np.zeros(scale.shape, np.int8))]


def _bias(net, generator, channels):
    return net.constant(generator.integers(-999, 999, channels).astype(np.int32))


def _conv(net, generator, x, y):
    weights = _weights(net, generator, 6, 4, 3, 3, scales=np.linspace(0.002, 0.004, 6))
    bias = _bias(net, generator, 6)
    return net.node("QLinearConv", *x, *weights, *y, bias, pads=[1, 0, 1, 0], strides=[2, 1])


def _two(op):
    def make(net, generator, x, y):
        return net.node(op, *x, *x, *y, domain="com.microsoft")

    return make


def _one(op, **attrs):
    def make(net, generator, x, y):
        return net.node(op, *x, *y, domain="com.microsoft", **attrs)

    return make


def _mul(net, generator, x, y):
    pool = net.node("QLinearGlobalAveragePool", *x, *x[1:], channels_last=0, domain="com.microsoft")
    return net.node("QLinearMul", *x, pool, *x[1:], *y, domain="com.microsoft")


def _concat(net, generator, x, y):
    return net.node("QLinearConcat", *y, *x, *x, axis=1, domain="com.microsoft")


def _flat(net, x):
    return [net.node("Flatten", x[0]), *x[1:]]


def _matmul(net, generator, x, y):
    scales = np.linspace(0.002, 0.004, 7)
    weights = _weights(net, generator, 4 * 6 * 5, 7, scales=scales)
    return net.node("QLinearMatMul", *_flat(net, x), *weights, *y)


def _gemm(net, generator, x, y, alpha=1.0):
    weights, bias = _weights(net, generator, 7, 4 * 6 * 5), _bias(net, generator, 7)
    x = _flat(net, x)
    return net.node("QGemm", *x, *weights, bias, *y, transB=1, alpha=alpha, domain="com.microsoft")


MAKERS = {
    "conv": _conv,
    "matmul": _matmul,
    "gemm": _gemm,
    "gemm with a factor": lambda *given: _gemm(*given, alpha=0.5),
    "add": _two("QLinearAdd"),
    "mul by a value per channel": _mul,
    "average pool": _one("QLinearAveragePool", kernel_shape=[2, 3], strides=[2, 2]),
    "global average pool": _one("QLinearGlobalAveragePool", channels_last=0),
    "leaky relu": _one("QLinearLeakyRelu", alpha=0.1),
    "sigmoid": _one("QLinearSigmoid"),
    "concat": _concat,
}


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("maker", MAKERS)
def test_equals_onnxruntime_to_a_step(generator, maker, dtype):
    net = OnnxBuilder(17)
    x, y = _quant(net, *X, dtype), _quant(net, *Y, dtype)
    stored = net.quantize(net.input(1, 4, 6, 5), X[0], X[1] + 128 * (dtype == "uint8"), dtype)
    made = MAKERS[maker](net, generator, [stored, *x], y)
    net.output(net.node("DequantizeLinear", made, *y))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("op", ["QLinearConv", "QLinearAveragePool", "QLinearGlobalAveragePool"])
def test_channels_last(generator, op):
    """As onnxruntime's layout transformation writes them."""
    net = OnnxBuilder(17)
    x, y = _quant(net, *X, "uint8"), _quant(net, *Y, "uint8")
    stored = net.quantize(net.input(1, 6, 5, 4), X[0], X[1] + 128, "uint8")
    attrs = {"channels_last": 1, "domain": "com.microsoft"}
    if op == "QLinearAveragePool":
        attrs["kernel_shape"] = [2, 2]
    inputs = [stored, *x]
    if op == "QLinearConv":
        inputs += _weights(net, generator, 6, 4, 3, 3)
    net.output(net.node("DequantizeLinear", net.node(op, *inputs, *y, **attrs), *y))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize(("axis", "version"), [(-1, 17), (1, 12)])
def test_softmax_of_a_vector(generator, axis, version):
    net = OnnxBuilder(17)
    stored = net.quantize(net.input(1, 9), 0.1, 3)
    x, y = _quant(net, 0.1, 3, "int8"), _quant(net, 1 / 256, -128, "int8")
    made = net.node(
        "QLinearSoftmax", stored, *x, *y, axis=axis, opset=version, domain="com.microsoft"
    )
    net.output(net.node("DequantizeLinear", made, *y))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("op", ["DynamicQuantizeLinear", "MatMulInteger"])
def test_dynamic_quantisation_is_refused_with_the_remedy(op):
    net = OnnxBuilder(17)
    x = net.input(1, 9)
    if op == "MatMulInteger":
        x = net.quantize(x, 0.1)
        net.output(net.node(op, x, net.constant(np.ones((9, 3), np.int8))), "int8")
    else:
        net.output(net.node(op, x, outputs=3)[0], "uint8")
    with pytest.raises(UnsupportedError, match=rf"node '{op}_.*dynamic quantisation.*static"):
        net.graph()
