"""Operators that onnxruntime's optimisations fuse, against onnxruntime."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from compiler.errors import UnsupportedError
from compiler.frontend.onnx import parse_onnx
from compiler.load import load_model
from tests.support.float_onnx import FloatNet
from tests.support.onnx_builder import OnnxBuilder, run_onnx, step_differences

MICROSOFT = "com.microsoft"
SHAPE = (1, 4, 6, 5)


def _conv(**attrs):
    def make(net, x):
        return net.node("FusedConv", x, net.random(4, 4, 1, 1), domain=MICROSOFT, **attrs)

    return make


def _residual(net, x):
    inputs = (x, net.random(4, 4, 1, 1), net.random(4), x)
    return net.node("FusedConv", *inputs, activation="Relu", domain=MICROSOFT)


def _gemm(net, x):
    inputs = (net.node("Flatten", x), net.random(7, 120), net.random(7))
    attrs = {"transB": 1, "activation": "LeakyRelu", "activation_alpha": 0.2}
    return net.node("FusedGemm", *inputs, domain=MICROSOFT, **attrs)


def _matmul(net, x):
    inputs = (net.node("Flatten", x), net.random(7, 120))
    return net.node("FusedMatMul", *inputs, transB=1, alpha=0.25, domain=MICROSOFT)


def _one(op, **attrs):
    return lambda net, x: net.node(op, x, domain=MICROSOFT, **attrs)


MAKERS = {
    "convolution and Relu": _conv(activation="Relu"),
    "convolution and Clip": _conv(activation="Clip", activation_params=[-0.5, 0.75]),
    "convolution and LeakyRelu": _conv(activation="LeakyRelu", activation_params=[0.1]),
    "convolution and HardSigmoid": _conv(activation="HardSigmoid", activation_params=[0.1, 0.4]),
    "convolution alone": _conv(),
    "convolution, sum and Relu": _residual,
    "Gemm and LeakyRelu": _gemm,
    "MatMul and a factor": _matmul,
    "Gelu": _one("Gelu"),
    "Gelu of a sum": lambda net, x: net.node("BiasGelu", x, net.random(5), domain=MICROSOFT),
    "Gelu by tanh": _one("FastGelu"),
    "Gelu by sigmoid": _one("QuickGelu", alpha=1.5),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_parts_compute_the_same(generator, name):
    net = FloatNet(generator)
    net.output(MAKERS[name](net, net.input(*SHAPE)))
    changed = parse_onnx(net.bytes(), Path())
    assert not any(node.domain for node in changed.graph.node)
    x = {"input": generator.normal(size=SHAPE).astype(np.float32)}
    was, now = (run_onnx(m.SerializeToString(), x)[0] for m in (net.model(), changed))
    np.testing.assert_allclose(now, was, rtol=1e-4, atol=1e-5)


def test_an_unknown_activation(generator):
    net = FloatNet(generator)
    net.output(_conv(activation="Softplus")(net, net.input(*SHAPE)))
    with pytest.raises(UnsupportedError, match=r"\(FusedConv\): activation 'Softplus'; Clip, "):
        parse_onnx(net.bytes(), Path())


def test_a_model_that_onnxruntime_optimised(tmp_path, generator):
    net = FloatNet(generator)
    x = net.node("Relu", net.conv(net.input(1, 3, 8, 8), 3, 8, 3))
    x = net.node("Relu", net.node("Add", x, net.conv(x, 8, 8, 3)))
    net.output(net.node("Sigmoid", net.conv(x, 8, 4, 1)))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "net.onnx")
    onnxruntime.InferenceSession(net.bytes(), options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "net.onnx").graph.node}
    assert "FusedConv" in kinds
    assert load_model(tmp_path / "net.onnx").nodes


@pytest.mark.parametrize("opset", [11, 17])
def test_microsofts_quantisers_are_onnxs(generator, opset):
    net = OnnxBuilder(opset)
    scale, zero_point = net.constant(np.float32(0.05)), net.constant(np.uint8(130))
    x = net.node("QuantizeLinear", net.input(*SHAPE), scale, zero_point, domain=MICROSOFT)
    x = net.node("DequantizeLinear", x, scale, zero_point, domain=MICROSOFT)
    x = net.node("MaxPool", x, kernel_shape=[2, 2])
    x = net.node("QuantizeLinear", x, scale, zero_point, domain=MICROSOFT)
    net.output(net.node("DequantizeLinear", x, scale, zero_point, domain=MICROSOFT))
    graph, differences = step_differences(net, generator)
    assert graph.nodes and not differences.any()
