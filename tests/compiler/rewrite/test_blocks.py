"""Rules that replace whole blocks of a float model; their layers start at random."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from compiler.frontend.onnx import parse_onnx
from compiler.rewrite.apply import apply
from compiler.rewrite.graph_network import GraphNetwork
from compiler.rewrite.onnx_network import OnnxNetwork
from compiler.rewrite.rules import wanted
from compiler.zoo.builder import GraphBuilder
from tests.support.float_onnx import FloatNet
from tests.support.onnx_builder import run_onnx


def rewritten(data, rule, folder):
    network = OnnxNetwork(parse_onnx(data, folder))
    (change,) = apply(network, [wanted(rule)]).changes
    assert change.weights == "random" and change.error is None and change.variance is None
    onnx.checker.check_model(network.model, full_check=True)
    return network, change


def silu(net, x):
    """As exporters write it."""
    return net.node("Mul", x, net.node("Sigmoid", x))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_grouped_layer_comes_first(stride, generator, tmp_path):
    """The expansion, its SiLU and the projection stay; the depthwise layer and its SiLU go."""
    net = FloatNet(generator)
    x = net.input(1, 16, 8, 8, name="x")
    y = silu(net, net.conv(x, 16, 64, 1, normalised=False))
    y = silu(net, net.conv(y, 64, 64, 5, normalised=False, group=64, strides=[stride] * 2))
    y = net.conv(y, 64, 16, 1, normalised=False)
    net.output(net.node("Add", x, y) if stride == 1 else y)
    network, change = rewritten(net.bytes(), "convfirst", tmp_path)
    operators = [node.op_type for node in network.model.graph.node]
    assert operators == ["Conv", "Conv", "Sigmoid", "Mul", "Conv"] + ["Add"] * (stride == 1)
    grouped, expand, project = network.layers()
    assert (grouped.groups, grouped.shape, grouped.stride) == (2, (16, 8, 3, 3), (stride,) * 2)
    assert grouped.padding == (1, 1, 1, 1) and change.made == (grouped.name,)
    values = OnnxNetwork(parse_onnx(net.bytes(), tmp_path)).layers()
    assert np.array_equal(expand.values, values[0].values)
    assert np.array_equal(project.values, values[2].values)
    x = generator.normal(size=(1, 16, 8, 8)).astype(np.float32)
    (y,) = run_onnx(network.model.SerializeToString(), {"x": x})
    assert y.shape == (1, 16, 8 // stride, 8 // stride) and np.isfinite(y).all()


def test_stacked_branches_become_dilated_ones(generator, tmp_path):
    """Fields of 3, 5 and 7 pixels are reached by dilations of 1, 2 and 3 (arXiv 2104.14125)."""
    net = FloatNet(generator)
    x = net.node("Relu", net.input(1, 16, 9, 9, name="x"))
    three = net.conv(x, 16, 8, 3, normalised=False)
    y = net.node("LeakyRelu", net.conv(x, 16, 4, 3), alpha=0.1)
    five = net.conv(y, 4, 4, 3)
    y = net.node("LeakyRelu", net.conv(y, 4, 4, 3), alpha=0.1)
    net.output(net.node("Relu", net.node("Concat", three, five, net.conv(y, 4, 4, 3), axis=1)))
    network, change = rewritten(net.bytes(), "ddc", tmp_path)
    assert len(change.layers) == 5 and len(change.made) == 6
    depthwise = [layer for layer in network.layers() if layer.depthwise]
    assert [layer.dilation for layer in depthwise] == [(1, 1), (2, 2), (3, 3)]
    assert [layer.padding for layer in depthwise] == [(d,) * 4 for d in (1, 2, 3)]
    x = generator.normal(size=(1, 16, 9, 9)).astype(np.float32)
    (y,) = run_onnx(network.model.SerializeToString(), {"x": x})
    assert y.shape == (1, 16, 9, 9)


def test_branches_without_a_stack_stay(generator, tmp_path):
    """Inception's branches of one convolution each are no context module."""
    net = FloatNet(generator)
    x = net.node("Relu", net.input(1, 8, 9, 9, name="x"))
    parts = [net.conv(x, 8, 4, kernel, normalised=False) for kernel in (3, 5)]
    net.output(net.node("Concat", *parts, axis=1))
    network = OnnxNetwork(parse_onnx(net.bytes(), tmp_path))
    with pytest.raises(Exception, match="changes no layer"):
        apply(network, [wanted("ddc")])


def test_a_convnext_block_loses_its_norm():
    net = GraphBuilder("block", (8, 8, 16))
    x = net.depthwise("depthwise", "input", 7)
    x = net.conv("expand", net.layer_norm("norm", x), 64, 1, activation="gelu")
    x = net.conv("project", x, 16, 1)
    network = GraphNetwork(net.finish(net.add("sum", x, "input")))
    (change,) = apply(network, [wanted("convfirst")]).changes
    assert change.weights == "none"
    ops = [node.op for node in network.graph.nodes]
    assert ops == ["conv2d", "conv2d", "gelu", "conv2d", "add"]
    grouped = network.layers()[0]
    assert (grouped.groups, grouped.kernel, grouped.padding) == (2, (3, 3), (1, 1, 1, 1))
