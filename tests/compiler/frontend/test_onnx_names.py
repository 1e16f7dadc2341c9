"""Layers bear the names that people know: their modules', their nodes', or their weights'."""

import numpy as np
import onnx
import pytest

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.load import load_model
from compiler.quantize import quantize
from tests.support.float_onnx import FloatNet
from tests.support.onnx_builder import OnnxBuilder

SCOPES = "pkg.torch.onnx.name_scopes"


def block(generator, head="GlobalAveragePool"):
    """A convolution, Relu, a depthwise one, Relu6, a sum, x * sigmoid(x), ``head``."""
    net = FloatNet(generator)
    x = net.input(1, 3, 6, 6)
    stem = net.constant(generator.normal(size=(4, 3, 3, 3)).astype(np.float32), "stem.weight")
    depth = net.constant(generator.normal(size=(4, 1, 3, 3)).astype(np.float32), "s1.0.dw.weight")
    x = net.node("Relu", net.node("Conv", x, stem, pads=[1, 1, 1, 1]))
    y = net.clip(net.node("Conv", x, depth, pads=[1, 1, 1, 1], group=4))
    y = net.node("Add", x, y)
    y = net.node("Mul", y, net.node("Sigmoid", y))
    net.output(net.node(head, y))
    return net.model()


TORCH = [
    ["", "stem", "conv2d"],
    ["", "relu"],
    ["", "s1", "s1.0", "s1.0.bn", "_native_batch_norm"],
    ["", "s1", "s1.0", "s1.0.act", "hardtanh"],
    ["", "s1", "s1.0", "add"],
    ["", "s1", "s1.0", "s1.0.silu", "silu"],
    ["", "s1", "s1.0", "s1.0.silu", "silu"],
    ["", "head", "head.gate", "mean"],
]
"""What PyTorch 2.13's exporter notes; it folds batch normalisation into the layer before."""


def with_scopes(model):
    for i, (node, scopes) in enumerate(zip(model.graph.node, TORCH, strict=True)):
        node.name = f"node_{node.op_type}_{i}"
        node.metadata_props.add(key=SCOPES, value=str(scopes))
    return model


def names(model):
    graph = read_onnx(quantize(parse_onnx(model.SerializeToString(), None), None), "net")
    return [node.name for node in graph.nodes]


def test_pytorchs_modules_name_the_layers(generator):
    found = names(with_scopes(block(generator)))
    assert found == ["stem", "s1.0.dw", "s1.0/add", "s1.0.silu", "head.gate"]


def test_nodes_name_the_layers_not_the_activations_after_them(generator):
    model = block(generator)
    for node, name in zip(
        model.graph.node, ("conv", "relu", "dw", "clip", "sum", "gate"), strict=False
    ):
        node.name = f"/net/{name}/{node.op_type}"
    found = names(model)
    assert found[:3] == ["/net/conv/Conv", "/net/dw/Conv", "/net/sum/Add"]


@pytest.mark.parametrize("name", ["", "Conv_{}", "node_Conv_{}", "n{}", "{}"])
def test_weights_name_layers_whose_nodes_say_nothing(generator, name):
    model = block(generator)
    for i, node in enumerate(model.graph.node):
        node.name = name.format(i)
    assert names(model)[:2] == ["stem", "s1.0.dw"]


@pytest.mark.parametrize("head", ["GlobalAveragePool", "Hardmax"])
def test_a_name_of_several_nodes_gets_numbers(generator, head):
    model = block(generator, head)
    for node in model.graph.node:
        node.name = "same"
    if head == "GlobalAveragePool":
        assert names(model) == ["same", "same_1", "same_2", "same_3", "same_4"]
        return
    with pytest.raises(UnsupportedError, match=r"^node 'same' \(Hardmax\): "):
        names(model)


def test_refusals_name_the_module(generator):
    with pytest.raises(UnsupportedError, match=r"^node 'head.gate' \(Hardmax\): "):
        names(with_scopes(block(generator, "Hardmax")))


def test_shapes_that_contradict_each_other_name_the_node_as_the_user_does(generator):
    model = block(generator)
    for node in model.graph.node:
        node.name = "same"
    del model.graph.node[2].attribute[1]
    assert model.graph.node[2].op_type == "Conv"
    with pytest.raises(InputError, match=r"node name: same\)"):
        parse_onnx(model.SerializeToString(), None)


def test_a_matrix_with_a_bias_keeps_its_name(generator):
    net = FloatNet(generator)
    x = net.node("MatMul", net.input(1, 5, 6), net.random(6, 4))
    net.output(net.node("Relu", net.node("Add", x, net.random(4))))
    model = net.model()
    model.graph.node[0].name = "/mlp/MatMul"
    assert names(model)[0] == "/mlp/MatMul"


def test_tensors_that_onnxruntime_calls_as_nodes_can_be_shown(generator):
    """It moves the transposition behind both nodes, and calls what they make then as them."""
    net = FloatNet(generator)
    x = net.conv(net.input(1, 3, 4, 5), 3, 6, 3)
    x = net.node("Transpose", net.node("Reshape", x, net.constant([1, 6, 20])), perm=[0, 2, 1])
    x = net.node("Add", net.node("Mul", x, net.random(1, 1, 6)), net.random(1, 1, 6))
    x = net.node("Transpose", x, perm=[0, 2, 1])
    net.output(net.node("MatMul", x, net.random(20, 4)))
    model = net.model()
    for node in model.graph.node[3:5]:
        node.name = "norm"
    model.graph.node[2].output[0] = model.graph.node[3].input[0] = "norm_2"
    graph = read_onnx(quantize(parse_onnx(model.SerializeToString(), None), None), "net")
    assert all(name.isprintable() for name in graph.tensors)


def test_a_name_that_ends_like_a_number_stays(generator):
    model = block(generator)
    for place, name in ((0, "conv#2"), (4, "conv#2"), (5, "conv")):
        model.graph.node[place].name = name
    found = names(model)
    assert "conv#2" in found and "conv#2_1" in found


@pytest.mark.parametrize("name", ["a\nb", "x" * 5000])
def test_a_name_that_cannot_be_shown_is_the_outputs(generator, name):
    model = block(generator)
    model.graph.node[4].name = name
    assert names(model)[2] == model.graph.node[4].output[0]


def test_a_name_that_is_no_utf8_is_shown_with_replacements(generator):
    """Protobuf reads such a text as bytes."""
    model = block(generator)
    model.graph.node[4].name = "no/utf8/name"
    broken = model.SerializeToString().replace(b"no/utf8/name", b"no/utf\xff/name")
    model = onnx.ModelProto.FromString(broken)
    assert isinstance(model.graph.node[4].name, bytes)
    assert names(model)[2] == "no/utf\ufffd/name"


def test_stored_weights_name_the_layer_and_tensors_keep_their_names(tmp_path):
    net = OnnxBuilder(13)
    x = net.stored(net.input(1, 3, 6, 6), 0.1)
    stored = net.constant(np.ones((4, 3, 1, 1), np.int8), "s1.0.pw.weight_quantized")
    w = net.node("DequantizeLinear", stored, net.constant(np.float32(0.02)))
    y = net.quantize(net.node("Relu", net.node("Conv", x, w)), 0.05)
    net.output(net.dequantize(y, 0.05))
    path = tmp_path / "m.onnx"
    path.write_bytes(net.bytes())
    graph = load_model(path)
    (node,) = graph.nodes
    assert node.name == "s1.0.pw"
    assert node.outputs == (net.model().graph.output[0].name,)


def test_the_old_formats_names_stay(generator):
    """ONNX's converter of operator sets is between."""
    net = FloatNet(generator, 9)
    x = net.input(1, 3, 6, 6)
    w = net.constant(generator.normal(size=(4, 3, 3, 3)).astype(np.float32), "a.weight")
    net.output(net.node("Relu", net.node("Conv", x, w)))
    model = net.model()
    model.graph.node[0].name = "/a/Conv"
    assert names(model) == ["/a/Conv"]


def test_operators_on_integers_keep_their_names():
    net = OnnxBuilder(13)
    x = net.quantize(net.input(1, 3, 6, 6), 0.1)
    scale, zero = net.constant(np.float32(0.1)), net.constant(np.int8(0))
    w = net.constant(np.ones((4, 3, 1, 1), np.int8))
    y = net.node("QLinearConv", x, scale, zero, w, scale, zero, scale, zero)
    net.output(net.dequantize(y, 0.1))
    model = net.model()
    conv = next(node for node in model.graph.node if node.op_type == "QLinearConv")
    conv.name = "features/conv1_quant"
    graph = read_onnx(parse_onnx(model.SerializeToString(), None), "net")
    assert [node.name for node in graph.nodes] == ["features/conv1_quant"]
