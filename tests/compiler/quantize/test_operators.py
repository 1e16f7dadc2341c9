"""What float operators become in the quantised graph, and what is refused."""

import numpy as np
import pytest

from compiler.errors import CompilerError, UnsupportedError
from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.load import load_model
from compiler.quantize import quantize
from tests.support.float_onnx import FloatNet
from tests.support.onnx_builder import OnnxBuilder


def test_gates_and_biases_stay_in_one_piece(generator):
    """SiLU is one table, and a bias after MatMul part of the layer."""
    net = FloatNet(generator)
    x = net.input(1, 7, 6)
    y = net.node("Add", net.node("MatMul", x, net.random(6, 5)), net.random(5))
    y = net.node("Mul", y, net.node("Sigmoid", y))
    net.output(net.node("Add", net.node("MatMul", y, net.random(5, 5)), net.random(5)))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == ["conv2d", "silu", "conv2d"]


def test_parameters_that_the_graph_wants(generator):
    """Softmax has 1/256, and operators that move values their input's parameters."""
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 8, 8), 3, 8, 3)
    a, b = net.node("Split", x, outputs=2, axis=1)
    y = net.node("Concat", b, a, axis=1)
    y = net.node("Resize", y, "", net.constant(np.float32([1, 1, 2, 2])), mode="nearest")
    y = net.node("Flatten", net.node("MaxPool", y, kernel_shape=[16, 16]))
    net.output(net.node("Softmax", y))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == [
        "conv2d",
        "slice",
        "slice",
        "concatenation",
        "resize",
        "max_pool2d",
        "softmax",
    ]
    quants = {graph.tensors[node.outputs[0]].quant for node in graph.nodes[:-1]}
    assert len(quants) == 1


def test_old_operator_set_is_converted(generator):
    net = FloatNet(generator, 11)
    net.output(net.node("Relu", net.conv(net.input(1, 3, 8, 8), 3, 4, 3)))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [(n.op, n.attrs["activation"]) for n in graph.nodes] == [("conv2d", "relu")]


def test_normalisation_written_out(generator):
    """As exporters to operator sets before 17 write LayerNormalization."""
    net = FloatNet(generator, 13)
    x = net.input(1, 7, 6)
    centred = net.node("Sub", x, net.node("ReduceMean", x, axes=[-1]))
    square = net.node("Pow", centred, net.constant(np.float32(2)))
    variance = net.node("ReduceMean", square, axes=[-1])
    root = net.node("Sqrt", net.node("Add", variance, net.constant(np.float32(1e-5))))
    y = net.node("Mul", net.node("Div", centred, root), net.random(6))
    net.output(net.node("Add", y, net.random(6)))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == ["layer_norm"]


def test_a_layer_may_have_a_bias_without_a_name(generator):
    net = FloatNet(generator)
    x = net.node("Conv", net.input(1, 3, 4, 4), net.random(4, 3, 1, 1), "")
    net.output(net.node("Conv", net.node("Relu", x), net.random(2, 4, 1, 1), ""))
    graph = read_onnx(quantize(parse_onnx(net.bytes(), None), None), "net")
    assert [node.op for node in graph.nodes] == ["conv2d", "conv2d"]


def test_an_activation_without_elements_is_refused(generator):
    net = FloatNet(generator)
    net.output(net.node("Conv", net.input(1, 3, 4, 4), net.random(0, 3, 1, 1)))
    with pytest.raises(UnsupportedError, match=r"shape \[1, 0, 4, 4\] has no elements"):
        quantize(parse_onnx(net.bytes(), None), None)


def test_integer_input():
    net = OnnxBuilder()
    net.output(net.node("Relu", net.input(1, 3, dtype="int8")), "int8")
    with pytest.raises(CompilerError, match="type INT8; FLOAT is accepted"):
        quantize(parse_onnx(net.bytes(), None), None)


def test_a_map_that_calibration_cannot_hold(tmp_path, generator):
    net = FloatNet(generator)
    net.output(net.conv(net.input("N", 3, 1 << 17, 1 << 17, name="image"), 3, 4, 3))
    (tmp_path / "net.onnx").write_bytes(net.bytes())
    with pytest.raises(UnsupportedError, match="elements; at most 67108864 are accepted"):
        load_model(tmp_path / "net.onnx")
