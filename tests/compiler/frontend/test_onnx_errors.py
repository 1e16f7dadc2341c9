"""What the reader of ONNX models refuses, and that it names what it found."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from compiler.errors import CompilerError, UnsupportedError
from compiler.frontend.onnx import parse_onnx, read_onnx
from tests.compiler.frontend.onnx_refusals import QUANT, SHAPE, conv, refused, weights
from tests.support.onnx_builder import OnnxBuilder


def node(op, *constants, **attrs):
    return lambda net, x: net.node(op, x, *(net.constant(c) for c in constants), **attrs)


OTHER_OPERATORS = {
    "LRN": node("LRN", size=3),
    "CumSum": node("CumSum", np.int64(1)),
    "InstanceNormalization": node(
        "InstanceNormalization", np.ones(4, np.float32), np.ones(4, np.float32)
    ),
    "DepthToSpace": node("DepthToSpace", blocksize=2),
    "ReduceMax": node("ReduceMax"),
    "LpPool": node("LpPool", kernel_shape=[2, 2]),
}


@pytest.mark.parametrize("op", OTHER_OPERATORS)
def test_other_operators(op):
    refused(
        OTHER_OPERATORS[op],
        rf"^node '{op}_2' \({op}\): operator {op} is not handled; accepted: Abs, Add, ",
    )


def test_operators_of_constants_only():
    refused(node("Floor"), r"^node 'Floor_2' \(Floor\): operator Floor of an activation; of cons")


ATTRIBUTES = {
    "storage of dilated pools": (
        node("MaxPool", kernel_shape=[2, 2], dilations=[2, 1]),
        r"dilations is \[2, 1\]; 1 is",
    ),
    "alpha": (
        lambda n, x: n.node("Gemm", n.node("Flatten", x), weights(n, 120, 5), alpha=0.5),
        "alpha is 0.5; 1.0 is accepted",
    ),
    "beta": (
        lambda n, x: n.node("Gemm", n.node("Flatten", x), weights(n, 120, 5), beta=2.0),
        "beta is 2.0; 1.0 is accepted",
    ),
    "transA": (
        lambda n, x: n.node(
            "Gemm", n.node("Reshape", x, n.constant([120, 1])), weights(n, 120, 5), transA=1
        ),
        "transA is 1; 0 is accepted",
    ),
    "group of a transposed convolution": (
        lambda n, x: n.node("ConvTranspose", x, weights(n, 4, 2, 2, 2, scale=0.1), group=2),
        "group is 2; 1 is accepted",
    ),
    "dilation of a transposed convolution": (
        lambda n, x: n.node(
            "ConvTranspose", x, n.weights(np.ones((4, 2, 2, 2), np.int8), 0.1), dilations=[2, 2]
        ),
        r"dilations is \[2, 2\]; \[1, 1\] is accepted",
    ),
    "padding mode": (
        node("Pad", [0, 0, 1, 1, 0, 0, 1, 1], mode="reflect"),
        "mode is 'reflect'; 'constant' is",
    ),
    "padding with a value": (
        node("Pad", [0, 0, 1, 1, 0, 0, 1, 1], np.float32(1)),
        r"value 1.0; 0 is accepted",
    ),
    "padding of the batch": (node("Pad", [1, 0, 0, 0, 0, 0, 0, 0]), r"pads \[1, 0, 0, 0"),
    "negative padding": (node("Pad", [0, 0, -1, 0, 0, 0, 0, 0]), r"pads \[0, 0, -1, 0"),
    "cubic": (
        lambda n, x: n.node("Resize", x, "", n.constant(np.float32([1, 1, 2, 2])), mode="cubic"),
        "mode is 'cubic'; 'nearest' or 'linear' is accepted",
    ),
    "antialias": (
        lambda n, x: n.node(
            "Resize", x, "", n.constant(np.float32([1, 1, 2, 2])), mode="linear", antialias=1
        ),
        "antialias is 1; 0 is accepted",
    ),
    "crop": (
        lambda n, x: n.node(
            "Resize",
            x,
            n.constant(np.zeros(8, np.float32)),
            n.constant(np.float32([1, 1, 2, 2])),
            coordinate_transformation_mode="tf_crop_and_resize",
        ),
        "coordinate_transformation_mode is 'tf_crop_and_resize'; 'asymmetric' or",
    ),
    "scale that gives no whole pixels": (
        lambda n, x: n.node("Resize", x, "", n.constant(np.float32([1, 1, 1.3, 2])), mode="linear"),
        "scale 1.3 of 6 pixels; a ratio of whole pixels that float32 does not round down is",
    ),
    "nearest pixels that no mode reads": (
        lambda n, x: n.node(
            "Resize",
            x,
            "",
            n.constant(np.float32([1, 1, 3, 3])),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="ceil",
        ),
        "nearest_mode 'ceil' from",
    ),
    "resized channels": (
        lambda n, x: n.node("Resize", x, "", n.constant(np.float32([1, 2, 1, 1]))),
        r"sizes \[1, 8, 6, 5\] for \[1, 4, 6, 5\]",
    ),
    "mean over channels": (node("ReduceMean", [1]), r"axes \[1\] of an input of shape"),
    "mean over rows": (node("ReduceMean", [2]), r"axes \[2\] of an input of shape"),
    "mean over everything unnamed": (node("ReduceMean"), "no axes; those of height and width"),
    "indices": (
        lambda n, x: n.node("MaxPool", x, kernel_shape=[2, 2], outputs=2)[0],
        "output 'maxpool_2_1' beside the first; one output is accepted",
    ),
    "counted padding, rounded up": (
        node("AveragePool", kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1, count_include_pad=1),
        "ceil_mode is 1 with count_include_pad 1",
    ),
    "steps of a slice": (node("Slice", [0], [4], [1], [2]), "step 2 along axis 1; 1 is accepted"),
    "slice of space": (node("Slice", [0], [3], [2]), "axis 2 of an input of shape"),
    "split of space": (
        lambda n, x: n.node("Split", x, axis=2, num_outputs=2, outputs=2)[0],
        "axis 2 of an input of shape",
    ),
    "softmax over channels of a map before opset 13": (
        node("Softmax", axis=1),
        r"axis 1 of shape \[1, 4, 6, 5\]; the last one is accepted",
    ),
    "normalisation over several axes": (
        node("LayerNormalization", np.ones((6, 5), np.float32), axis=2),
        "axis 2 of 4; the last",
    ),
    "training": (
        lambda n, x: n.node("Dropout", x, n.constant(np.float32(0.5)), n.constant(True)),
        "training_mode is true; false is accepted",
    ),
    "slopes": (node("PRelu", np.ones((4, 1, 1), np.float32)), "4 slopes; one is accepted"),
    "three addends": (lambda n, x: n.node("Max", x, x, x), "3 inputs; 2 are accepted"),
    "difference of activations": (
        lambda n, x: n.node("Sub", x, n.stored(n.node("Relu", x), 0.1)),
        "two activations; add and mul|two activations; Add and Mul are accepted",
    ),
    "quotient of constants": (
        lambda n, x: n.node("Div", n.constant(np.ones((4, 1, 1), np.float32)), x),
        "a quotient of constants by an activation",
    ),
    "broadcast over space": (
        lambda n, x: n.node("Mul", x, n.stored(n.node("MaxPool", x, kernel_shape=[6, 1]), *QUANT)),
        r"inputs of shape \[1, 4, 6, 5\] and \[1, 4, 1, 5\]",
    ),
    "a constant map": (
        node("Add", np.ones((4, 6, 5), np.float32)),
        r"a constant of shape \[4, 6, 5\] for",
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
    with pytest.raises(UnsupportedError, match="attribute sparsity is 3; the attribute is not"):
        read_onnx(model, "x")


UNQUANTISED = {
    "float weights": (
        lambda n, x: n.node("Conv", x, n.constant(np.ones((4, 4, 3, 3), np.float32))),
        "weights 'constant_4' are float32; int8 or uint8 behind a DequantizeLinear",
    ),
    "weights along the wrong axis": (
        lambda n, x: n.node("Conv", x, weights(n, 4, 4, 3, 3, axis=1)),
        "are quantised along axis 1; axis 0 or one scale is accepted",
    ),
    "int16 weights": (
        lambda n, x: n.node("Conv", x, weights(n, 4, 4, 3, 3, steps=np.ones((4, 4, 3, 3), "i2"))),
        r"weights '\w+' are int16; int8 or uint8 is accepted",
    ),
    "computed weights": (
        lambda n, x: n.node("MatMul", x, n.node("Transpose", x, perm=[0, 1, 3, 2])),
        r"weights '\w+' are computed; a constant is accepted",
    ),
    "two layers without rounding between": (
        lambda n, x: conv()(n, conv(pads=[1, 1, 1, 1])(n, x)),
        r"input 'conv_\d' is a real value that no QuantizeLinear rounds",
    ),
    "function without rounding before": (
        lambda n, x: n.node("Sigmoid", conv()(n, x)),
        r"input 'conv_\d' is a real value that no QuantizeLinear rounds",
    ),
    "a constant beside activations": (
        lambda n, x: n.node("Concat", x, n.constant(np.ones(SHAPE, np.float32)), axis=1),
        r"input 'constant_\d' is a constant",
    ),
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
    "rearranged data": (
        lambda n, x: conv()(n, n.node("Transpose", x, perm=[0, 2, 1, 3])),
        "comes from a Transpose or Reshape that moves data",
    ),
    "split inside an axis": (
        lambda n, x: n.node("Reshape", x, n.constant([1, 3, 40])),
        r"shape \[1, 3, 40\] for an input of \[1, 4, 6, 5\]; axes that are split or merged whole",
    ),
}


@pytest.mark.parametrize("case", UNQUANTISED)
def test_what_is_not_quantised_as_the_graph_needs(case):
    make, message = UNQUANTISED[case]
    refused(make, message, kind=CompilerError)


def test_an_output_without_rounding():
    refused(
        conv(),
        "^output 'conv_3': constant, or real values that no QuantizeLinear rounds",
        output=False,
    )


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
    refused(node("GlobalMaxPool"), r"an input of shape \[1, 8\]; 3 or 4 dimensions", (1, 8))


@pytest.mark.parametrize(("opset", "found"), [(6, 6), (99, 99)])
def test_operator_sets_beyond_those_that_are_read(opset, found):
    net = OnnxBuilder(12)
    net.output(net.node("Relu", net.input(1, 3)))
    model = net.model()
    model.opset_import[0].version = opset
    with pytest.raises(CompilerError, match=f"opset {found}; 7 to |version .{found}"):
        parse_onnx(model.SerializeToString(), Path())
