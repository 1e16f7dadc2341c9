"""Every message of the TFLite reader, one change to a good model at a time."""

import numpy as np
import pytest
import tflite

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite import read_tflite
from compiler.frontend.tflite.schema import (
    BufferSlot,
    CodeSlot,
    ModelSlot,
    OperatorSlot,
    QuantSlot,
    SubgraphSlot,
    TensorSlot,
)
from tests.compiler.frontend import raw_tflite
from tests.compiler.frontend.raw_tflite import INT8, INT32, Scalar, code, conv_options, operator

KIND, BUILTIN = tflite.BuiltinOptions, tflite.BuiltinOperator
X, W, B, Y = range(4)


def subgraph(model):
    return model[ModelSlot.SUBGRAPHS][0]


def tensor(model, index):
    return subgraph(model)[SubgraphSlot.TENSORS][index]


def conv(model):
    return subgraph(model)[SubgraphSlot.OPERATORS][0]


def set_shape(index, *shape):
    return lambda m: tensor(m, index).update({TensorSlot.SHAPE: np.array(shape, np.int32)})


def set_type(index, name):
    kind = Scalar("b", getattr(tflite.TensorType, name))
    return lambda m: tensor(m, index).update({TensorSlot.TYPE: kind})


def set_quant(index, scale, zero_point, axis=0):
    params = {
        QuantSlot.SCALE: np.array(scale, np.float32),
        QuantSlot.ZERO_POINT: np.array(zero_point, np.int64),
        QuantSlot.QUANTIZED_DIMENSION: Scalar("i", axis),
    }
    return lambda m: tensor(m, index).update({TensorSlot.QUANTIZATION: params})


def set_options(**fields):
    return lambda m: conv(m).update({OperatorSlot.OPTIONS: conv_options(**fields)})


def set_operator(builtin, inputs, kind, options):
    """Another operator in place of the convolution."""

    def change(model):
        model[ModelSlot.OPERATOR_CODES] = [code(builtin)]
        subgraph(model)[SubgraphSlot.OPERATORS] = [operator(0, inputs, (Y,), kind, options)]

    return change


def both(*changes):
    def change(model):
        for one in changes:
            one(model)

    return change


def concatenation(axis, activation=0):
    """A concatenation of x with itself."""
    options = {0: Scalar("i", axis), 1: Scalar("b", activation)}
    return set_operator(BUILTIN.CONCATENATION, (X, X), KIND.ConcatenationOptions, options)


def operand(shape, values, dtype=INT32):
    """An int32 constant at tensor 4."""

    def change(model):
        model[ModelSlot.BUFFERS].append({BufferSlot.DATA: np.array(values, "<i4").view(np.uint8)})
        added = raw_tflite.tensor("operand", shape, dtype, buffer=3)
        subgraph(model)[SubgraphSlot.TENSORS].append(added)

    return change


INPUT_ERRORS = [
    (set_shape(X, 1, 6, 6, 6), "input of 6 channels; a multiple of the weights' 4 is accepted"),
    (set_shape(Y, 1, 6, 5, 8), r"output 'y' has shape \[1, 6, 5, 8\]; its inputs give \[1, 6, 6"),
    (set_shape(X, 1, 0, 6, 4), r"tensor 'x': shape \[1, 0, 6, 4\]; 1 to 6 positive dimensions"),
    (set_shape(X, 1, 1, 1, 1, 6, 6, 4), "1 to 6 positive dimensions"),
    (set_shape(X, 1, 1, 6, 6, 4), r"tensor 'x' has shape \[1, 1, 6, 6, 4\]; 4 dimensions are"),
    (set_shape(X, 1, 1 << 14, 1 << 14, 4), "elements; at most 268435456 are accepted"),
    (set_shape(X, 1, 6, 4), r"tensor 'x' has shape \[1, 6, 4\]; 4 dimensions are accepted"),
    (set_shape(W, 8, 3, 3, 2), "buffer 1 has 288 bytes; 144 are accepted for int8"),
    (set_quant(X, [np.nan], [0]), "tensor 'x': scale is nan; 1.18e-38 to 3.4e"),
    (set_quant(X, [np.inf], [0]), "tensor 'x': scale is inf"),
    (set_quant(X, [0.0], [0]), "tensor 'x': scale is 0.0"),
    (set_quant(X, [-1.0], [0]), "tensor 'x': scale is -1.0"),
    (set_quant(X, [1.0], [128]), "tensor 'x': zero_point is 128; -128 to 127 is accepted"),
    (set_quant(W, [1.0] * 7, [0] * 7), "tensor 'w': 7 scales and 7 zero points; 8 of each"),
    (set_quant(W, [1.0] * 8, [0] * 7), "tensor 'w': 8 scales and 7 zero points; equal counts"),
    (set_quant(W, [1.0] * 8, [0] * 8, axis=4), "axis is 4; 0 to 3 is accepted"),
    (set_quant(B, [100.0] * 8, [0] * 8), "bias 'b' has scale 100; input scale \\* weight scale 0"),
    (set_quant(B, [0.125] * 8, [1] * 8), "tensor 'b': zero_point is 1; 0 to 0 is accepted"),
    (
        lambda m: tensor(m, X).pop(TensorSlot.QUANTIZATION),
        "tensor 'x' has no quantisation parameters",
    ),
    (
        lambda m: m[ModelSlot.BUFFERS][2].clear(),
        "bias 'b' has no values",
    ),
    (
        lambda m: tensor(m, W).update({TensorSlot.BUFFER: Scalar("I", 9)}),
        "tensor 'w': buffer index 9; 0 to 2 is accepted",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.INPUTS: np.array([0, 1, 77], np.int32)}),
        r"operator 0 \(CONV_2D\) 'y': tensor index 77; 0 to 3 is accepted",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.INPUTS: np.array([0, -1, 2], np.int32)}),
        "input 1 is absent; a tensor is accepted",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.INPUTS: np.array([0], np.int32)}),
        "1 inputs; 2 to 3 are accepted",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.OUTPUTS: np.array([3, 0], np.int32)}),
        "2 outputs; 1 is accepted",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.OPCODE_INDEX: Scalar("I", 5)}),
        "operator 0: opcode index 5; 0 to 0 is accepted",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.OPTIONS_TYPE: Scalar("B", KIND.Pool2DOptions)}),
        "has options Pool2DOptions; Conv2DOptions is accepted",
    ),
    (lambda m: conv(m).pop(OperatorSlot.OPTIONS), "has no options; Conv2DOptions is accepted"),
    (set_options(stride=0), r"stride is \[0, 0\]; 1 to 65536 is accepted"),
    (set_options(dilation=-1), r"dilation is \[-1, -1\]"),
    (set_options(padding=2), "padding has unknown code 2; SAME or VALID is accepted"),
    (
        both(set_options(padding=1), set_shape(X, 1, 2, 2, 4)),
        "a window of height 3 does not fit the padded input's height 2",
    ),
    (
        lambda m: subgraph(m).update({SubgraphSlot.INPUTS: np.array([0, 0], np.int32)}),
        "inputs: tensor 'x' is listed twice",
    ),
    (
        lambda m: subgraph(m).update({SubgraphSlot.INPUTS: np.array([], np.int32)}),
        "inputs: none given",
    ),
    (
        lambda m: subgraph(m).update({SubgraphSlot.INPUTS: np.array([1], np.int32)}),
        "inputs: 'w' is a constant",
    ),
    (
        lambda m: subgraph(m).update({SubgraphSlot.OUTPUTS: np.array([0], np.int32)}),
        "outputs: 'x' is made by no node",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.INPUTS: np.array([3, 1, 2], np.int32)}),
        "input 'y' is used before any node or input makes it|input of 8 channels",
    ),
    (
        lambda m: subgraph(m)[SubgraphSlot.OPERATORS].append(conv(m)),
        r"operator 1 \(CONV_2D\) 'y': output 'y' is another operator's too",
    ),
    (
        lambda m: tensor(m, X).update({TensorSlot.NAME: "n" * 5000}),
        "not a valid TFLite model: a string of 5000 bytes",
    ),
    (
        lambda m: tensor(m, X).update({TensorSlot.NAME: "line\nbreak"}),
        r"tensor 'line\\nbreak': the name has 10 characters; 1 to 1000 printable ones",
    ),
    (
        lambda m: m[ModelSlot.BUFFERS][1].clear(),
        "weights 'w' has no values",
    ),
    (
        both(operand((3,), [1, 2, 3], INT8), set_operator(BUILTIN.ADD, (X, 4), 0, {})),
        "buffer 3 has 12 bytes; 3 are accepted",
    ),
]

UNSUPPORTED = [
    (lambda m: m.update({ModelSlot.VERSION: Scalar("I", 2)}), "schema version 2; 3 is accepted"),
    (
        lambda m: m[ModelSlot.SUBGRAPHS].append(subgraph(m)),
        "2 subgraphs; 1 is accepted",
    ),
    (lambda m: m[ModelSlot.SUBGRAPHS].clear(), "0 subgraphs; 1 is accepted"),
    (set_type(X, "FLOAT32"), "tensor 'x': type FLOAT32; INT8, UINT8 or INT32 is accepted"),
    (set_type(X, "UINT8"), "tensor 'x' has type uint8; int8 is accepted"),
    (set_type(W, "UINT8"), "weights 'w' has type uint8; int8 is accepted"),
    (set_shape(X, 1, -1, 6, 4), r"tensor 'x': dynamic shape \[1, -1, 6, 4\]"),
    (
        lambda m: tensor(m, X).update(
            {TensorSlot.SHAPE_SIGNATURE: np.array([-1, 6, -1, 4], np.int32)}
        ),
        r"dynamic shape \[-1, 6, -1, 4\]; a fixed shape is accepted",
    ),
    (set_shape(X, 2, 6, 6, 4), r"tensor 'x' has shape \[2, 6, 6, 4\], batch 2; batch 1 is"),
    (
        lambda m: tensor(m, X).update({TensorSlot.IS_VARIABLE: Scalar("?", True)}),
        "tensor 'x': a variable",
    ),
    (lambda m: tensor(m, W).update({TensorSlot.SPARSITY: {}}), "tensor 'w': sparse values"),
    (
        lambda m: tensor(m, X)[TensorSlot.QUANTIZATION].update(
            {QuantSlot.DETAILS_TYPE: Scalar("B", 1)}
        ),
        "tensor 'x': custom quantisation",
    ),
    (
        lambda m: m[ModelSlot.BUFFERS].__setitem__(1, {BufferSlot.OFFSET: Scalar("Q", 64)}),
        "buffer 1 lies after the end of the model",
    ),
    (set_quant(X, [1.0] * 4, [0] * 4, axis=3), "tensor 'x' is quantised per channel"),
    (set_quant(W, [1.0] * 3, [0] * 3, axis=1), "quantised along axis 1; axis 0 or one scale"),
    (set_quant(W, [0.25], [1]), "weights 'w' have a zero point other than 0"),
    (set_options(activation=4), "activation TANH; accepted: none, relu, relu_n1_to_1, relu6"),
    (
        lambda m: conv(m)[OperatorSlot.OPTIONS].update({7: Scalar("i", 1)}),
        "Conv2DOptions field 7 is not known; 0 to 6 are accepted",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.CUSTOM_OPTIONS: np.ones(4, np.uint8)}),
        "has custom options",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.MUTATING_INPUTS: np.ones(1, np.uint8)}),
        "changes an input in place",
    ),
    (
        lambda m: conv(m).update({OperatorSlot.INTERMEDIATES: np.ones(1, np.int32)}),
        "has intermediate tensors",
    ),
    (
        lambda m: m.update({ModelSlot.OPERATOR_CODES: [code(BUILTIN.LSTM)]}),
        r"operator 0 \(LSTM\) 'y': not handled; docs/supported_ops.md lists what is",
    ),
    (
        lambda m: m.update(
            {ModelSlot.OPERATOR_CODES: [{**code(BUILTIN.CUSTOM), CodeSlot.CUSTOM_CODE: "Foo"}]}
        ),
        r"operator 0 \(CUSTOM 'Foo'\) 'y': not handled",
    ),
    (
        lambda m: m.update({ModelSlot.OPERATOR_CODES: [code(9999)]}),
        r"operator 0 \(unknown code 9999\) 'y': not handled",
    ),
    (
        set_operator(
            BUILTIN.FULLY_CONNECTED, (X, W, B), KIND.FullyConnectedOptions, {1: Scalar("b", 1)}
        ),
        "weights_format 1; 0 is accepted",
    ),
    (
        both(
            operand((4, 2), [0, 4, 1, 1, 1, 1, 0, 0]),
            set_operator(BUILTIN.PAD, (X, 4), KIND.PadOptions, {}),
        ),
        r"operator 0 \(PAD\) 'y': paddings \[\[0, 4\], \[1, 1\], \[1, 1\], \[0, 0\]\]",
    ),
    (
        both(operand((2, 2), [0, 0, 1, 1]), set_operator(BUILTIN.PAD, (X, 4), KIND.PadOptions, {})),
        r"paddings of shape \[2, 2\]; \[4, 2\] is accepted",
    ),
    (
        set_operator(BUILTIN.PAD, (X, X), KIND.PadOptions, {}),
        "tensor 'x': type INT8; INT32 or INT64 is accepted",
    ),
    (
        set_operator(BUILTIN.ADD, (W, W), KIND.AddOptions, {}),
        "every input is a constant; an activation is accepted",
    ),
    (
        both(
            set_shape(Y, 1, 6, 6, 4),
            set_operator(
                BUILTIN.MAX_POOL_2D,
                (X,),
                KIND.Pool2DOptions,
                {slot: Scalar("i", 1) for slot in (1, 2, 3, 4)},
            ),
        ),
        "output has scale 4 and zero point -5; the input's 0.5 and 3 are accepted",
    ),
    (
        both(
            set_shape(Y, 1, 6, 6, 4), set_operator(BUILTIN.RELU, (X,), 0, {}), set_type(Y, "INT16")
        ),
        "type INT16: the array's activations have 8 bits; INT8, UINT8 or INT32 is accepted",
    ),
    (concatenation(axis=-1, activation=1), "activation relu; none is accepted"),
    (concatenation(axis=3), "input 'x' is not quantised as the output is; equal scales and zero"),
    (
        both(
            set_shape(Y, 1, 6, 6, 4),
            set_operator(BUILTIN.SOFTMAX, (X,), KIND.SoftmaxOptions, {0: Scalar("f", 1.0)}),
        ),
        "scale 0.00390625 and zero point -128 are accepted",
    ),
]


def read_changed(change):
    model = raw_tflite.conv_model()
    change(model)
    return read_tflite(raw_tflite.write(model), "model")


def test_the_unchanged_model_reads():
    graph = read_tflite(raw_tflite.write(raw_tflite.conv_model()), "model")
    assert graph.nodes[0].attrs["padding"] == (1, 1, 1, 1)


@pytest.mark.parametrize(("change", "message"), INPUT_ERRORS)
def test_input_error(change, message):
    with pytest.raises(InputError, match=message):
        read_changed(change)


@pytest.mark.parametrize(("change", "message"), UNSUPPORTED)
def test_unsupported(change, message):
    with pytest.raises(UnsupportedError, match=message):
        read_changed(change)


@pytest.mark.parametrize("beta", [0.0, np.nan, -1.0])
def test_softmax_beta(beta):
    change = both(
        set_shape(Y, 1, 6, 6, 4),
        set_quant(Y, [1 / 256], [-128]),
        set_operator(BUILTIN.SOFTMAX, (X,), KIND.SoftmaxOptions, {0: Scalar("f", beta)}),
    )
    with pytest.raises(InputError, match=r"beta is .*; accepted: a finite number above 0"):
        read_changed(change)


def test_an_open_batch_is_one():
    signature = np.array([-1, 6, 6, 4], np.int32)
    change = {TensorSlot.SHAPE_SIGNATURE: signature}
    assert read_changed(lambda m: tensor(m, X).update(change)).tensors["x"].shape == (1, 6, 6, 4)


def test_repeated_and_empty_names_are_made_unique():
    def change(model):
        tensor(model, Y)[TensorSlot.NAME] = "x"
        tensor(model, W)[TensorSlot.NAME] = ""

    graph = read_changed(change)
    assert set(graph.tensors) == {"x", "x_3", "tensor_1", "b"}


def test_name_that_is_not_utf8():
    data = raw_tflite.write(raw_tflite.conv_model())
    at = data.index(b"\x01\x00\x00\x00x\x00") + 4
    with pytest.raises(InputError, match="not a valid TFLite model: 'utf-8' codec"):
        read_tflite(data[:at] + b"\xff" + data[at + 1 :], "model")
