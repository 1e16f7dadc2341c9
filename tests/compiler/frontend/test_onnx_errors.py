"""What the reader of ONNX models refuses, and that it names what it found."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from compiler.errors import CompilerError, InputError, UnsupportedError
from compiler.frontend.onnx import parse_onnx, read_onnx
from compiler.quantize import quantize
from tests.compiler.frontend.onnx_refusals import QUANT, SHAPE, conv, refused, weights
from tests.support.onnx_builder import OnnxBuilder


def node(op, *constants, **attrs):
    return lambda net, x: net.node(op, x, *(net.constant(c) for c in constants), **attrs)


def test_an_operator_that_neither_the_array_nor_the_host_has():
    refused(
        node("Hardmax"),
        r"^node 'Hardmax_2' \(Hardmax\): operator Hardmax is not handled; docs/supported_ops.md",
    )


ATTRIBUTES = {
    "training": (
        lambda n, x: n.node("Dropout", x, n.constant(np.float32(0.5)), n.constant(True)),
        "training_mode is true; false is accepted",
    ),
}


@pytest.mark.parametrize("case", ATTRIBUTES)
def test_attributes_and_shapes(case):
    make, message = ATTRIBUTES[case]
    refused(
        make, r"^node '\w+' \(\w+\): .*(" + message + ")", opset=11 if "opset 13" in case else 22
    )


def test_an_attribute_that_nobody_reads():
    """Such as one of a later operator set: refused by name, not passed over."""
    net = OnnxBuilder()
    net.output(net.stored(conv()(net, net.stored(net.input(*SHAPE), *QUANT)), *QUANT))
    model = parse_onnx(net.bytes(), None)
    proto = next(n for n in model.graph.node if n.op_type == "Conv")
    proto.attribute.append(onnx.helper.make_attribute("sparsity", 3))
    with pytest.raises(UnsupportedError, match="attribute sparsity is 3; group, pads, "):
        read_onnx(model, "x")


UNQUANTISED = {
    "bias beyond 32 bits": (
        lambda n, x: n.node("Conv", x, weights(n, 4, 4, 3, 3), n.constant(np.full(4, 1e7, "f4"))),
        "bias 'constant_[0-9]+' has 1e\\+07, beyond int32 at scale 0.0005",
    ),
    "another scale back": (
        lambda n, x: n.dequantize(n.quantize(n.node("Relu", x), 0.1), 0.2),
        "scale 0.200000003 and zero point 0 .* stored with 0.100000001 and 0",
    ),
    "int16 activations": (
        lambda n, x: n.stored(n.node("Relu", x), 0.1, 0, "int16"),
        "zero point of type int16; int8 or uint8 is accepted",
    ),
}


@pytest.mark.parametrize("case", UNQUANTISED)
def test_what_is_not_quantised_as_the_graph_needs(case):
    make, message = UNQUANTISED[case]
    refused(make, message, kind=CompilerError)


def test_activation_with_a_scale_per_channel():
    net = OnnxBuilder()
    names = [net.constant(np.full(4, 0.1, np.float32)), net.constant(np.zeros(4, np.int8))]
    net.output(net.node("QuantizeLinear", net.input(*SHAPE), *names), "int8")
    with pytest.raises(UnsupportedError, match="4 scales for an activation; one per activation"):
        net.graph()


def test_an_input_of_integers_that_only_passes_through():
    net = OnnxBuilder()
    net.output(net.node("Identity", net.input(*SHAPE, dtype="uint8")), "uint8")
    net.output(net.stored(net.input(1, 3, name="other"), *QUANT))
    with pytest.raises(
        UnsupportedError, match=r"^output 'identity_0': input 'input' without a sca"
    ):
        net.graph()


def test_a_shape_that_onnx_does_not_infer():
    net = OnnxBuilder()
    net.output(net.stored(net.node("Relu", net.stored(net.input(1, 3), *QUANT)), *QUANT))
    model = parse_onnx(net.bytes(), None)
    value = next(v for v in model.graph.value_info if v.name == "relu_2")
    value.type.tensor_type.shape.dim[1].dim_value = 4
    with pytest.raises(UnsupportedError, match=r"'relu_2' has shape \[1, 4\] by ONNX's inference"):
        read_onnx(model, "x")


def test_dynamic_shape():
    net = OnnxBuilder()
    net.output(net.stored(net.input("N", 3, "height", 5), *QUANT))
    with pytest.raises(UnsupportedError, match="input 'input': axis 2 is 'height'; a fixed size"):
        net.graph()


def test_larger_batch():
    net = OnnxBuilder()
    net.output(net.stored(net.node("Relu", net.stored(net.input(2, 3), *QUANT)), *QUANT))
    with pytest.raises(UnsupportedError, match="batch 2; batch 1 is accepted"):
        net.graph()


def test_a_pool_without_space():
    refused(node("GlobalMaxPool"), r"an input of shape \[1, 8\]; one with", (1, 8), InputError)


@pytest.mark.parametrize(("opset", "found"), [(6, 6), (99, 99)])
def test_operator_sets_beyond_those_that_are_read(opset, found):
    net = OnnxBuilder(12)
    net.output(net.node("Relu", net.input(1, 3)))
    model = net.model()
    model.opset_import[0].version = opset
    with pytest.raises(CompilerError, match=f"opset {found}; 7 to |version .{found}"):
        parse_onnx(model.SerializeToString(), Path())


@pytest.mark.parametrize("op", ["LSTM", "GRU"])
def test_a_recurrent_layer_is_refused_with_a_remedy_before_anything_is_calibrated(op):
    net = OnnxBuilder(17)
    x = net.input(8, 1, 3)
    gates = {"LSTM": 4, "GRU": 3}[op] * 5
    sizes = ((1, gates, 3), (1, gates, 5))
    weights = (net.constant(np.ones(size, np.float32)) for size in sizes)
    net.output(net.node(op, x, *weights, hidden_size=5))
    message = rf"^node '{op}_0' \({op}\): operator {op} is not handled: it has a state .*extract_mo"
    with pytest.raises(UnsupportedError, match=message):
        quantize(parse_onnx(net.bytes(), None), None)
