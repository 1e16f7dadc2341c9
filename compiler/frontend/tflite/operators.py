"""Conversion of TFLite operators to nodes of the graph, one function per operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tflite

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.tflite import channels, spatial
from compiler.frontend.tflite.schema import ACTIVATIONS, enum_name
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Node, Quant, Tensor
from compiler.ir.ops import MAX_ATTR
from compiler.ir.shapes import Padding, same_padding


@dataclass(frozen=True)
class Operator:
    """A decoded operator: its name, tensor indices (-1: absent) and options by field name.

    Of several outputs, those that nothing reads are absent.
    """

    builtin: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict
    tensors: TensorReader

    def input(self, position: int) -> Tensor:
        """The tensor at an input position. Raises InputError when it is absent."""
        if self.inputs[position] == -1:
            raise InputError(f"input {position} is absent; a tensor is accepted")
        return self.tensors.tensor(self.inputs[position])

    def output(self) -> Tensor:
        """The only output."""
        return self.tensors.tensor(self.outputs[0])

    def bias(self) -> str:
        """Name of the third input, or "" when it is absent."""
        present = len(self.inputs) == 3 and self.inputs[2] != -1
        return self.input(2).name if present else ""

    def activation(self) -> str:
        """The fused activation. Raises UnsupportedError for those not in the graph."""
        code = self.options["activation"]
        if code not in ACTIVATIONS:
            raise UnsupportedError(
                f"activation {enum_name(tflite.ActivationFunctionType, code)}; "
                f"accepted: {', '.join(ACTIVATIONS.values())}"
            )
        return ACTIVATIONS[code]

    def pair(self, field: str) -> tuple[int, int]:
        """The options FIELD_h and FIELD_w."""
        pair = (self.options[field + "_h"], self.options[field + "_w"])
        if not all(1 <= value <= MAX_ATTR for value in pair):
            raise InputError(f"{field} is {list(pair)}; 1 to {MAX_ATTR} is accepted")
        return pair

    def node(self, op: str, inputs: tuple[str, ...], **attrs: object) -> Node:
        """The node, named after the tensor that it makes."""
        name = self.output().name
        return Node(name, op, inputs, (name,), attrs)


def _padding(op: Operator, kernel: tuple[int, ...], dilation: tuple[int, int]) -> Padding:
    """The SAME or VALID padding of the operator's first input."""
    code = op.options["padding"]
    if code == tflite.Padding.VALID:
        return 0, 0, 0, 0
    if code != tflite.Padding.SAME:
        found = enum_name(tflite.Padding, code)
        raise InputError(f"padding has {found}; SAME or VALID is accepted")
    height, width = _nhwc(op.input(0))[1:3]
    return same_padding((height, width), (kernel[0], kernel[1]), op.pair("stride"), dilation)


def _nhwc(tensor: Tensor) -> tuple[int, ...]:
    if len(tensor.shape) != 4:
        raise InputError(
            f"tensor {tensor.name!r} has shape {list(tensor.shape)}; 4 dimensions are accepted"
        )
    return tensor.shape


def _conv2d(op: Operator) -> Node:
    x, weights = op.input(0), op.input(1)
    channels, taken = _nhwc(x)[3], _nhwc(weights)[3]
    if channels % taken:
        raise InputError(
            f"input of {channels} channels; a multiple of the weights' {taken} is accepted"
        )
    dilation = op.pair("dilation")
    return op.node(
        "conv2d",
        (x.name, weights.name, op.bias()),
        stride=op.pair("stride"),
        dilation=dilation,
        padding=_padding(op, weights.shape[1:3], dilation),
        groups=channels // taken,
        activation=op.activation(),
    )


def _depthwise_conv2d(op: Operator) -> Node:
    x, weights = op.input(0), op.input(1)
    kernel, dilation = _nhwc(weights)[1:3], op.pair("dilation")
    return op.node(
        "depthwise_conv2d",
        (x.name, weights.name, op.bias()),
        stride=op.pair("stride"),
        dilation=dilation,
        padding=_padding(op, kernel, dilation),
        depth_multiplier=op.options["depth_multiplier"],
        activation=op.activation(),
    )


def _fully_connected(op: Operator) -> Node:
    x, weights = op.input(0), op.input(1)
    if op.options["weights_format"]:
        raise UnsupportedError(f"weights_format {op.options['weights_format']}; 0 is accepted")
    if op.options["keep_num_dims"] and len(x.shape) != 2:
        raise UnsupportedError(
            f"keep_num_dims on an input of {len(x.shape)} dimensions; 2 are accepted"
        )
    inputs = (x.name, weights.name, op.bias())
    return op.node("fully_connected", inputs, activation=op.activation())


def _add(op: Operator) -> Node:
    return op.node("add", (op.input(0).name, op.input(1).name), activation=op.activation())


def _mul(op: Operator) -> Node:
    return op.node("mul", (op.input(0).name, op.input(1).name), activation=op.activation())


def _mean(op: Operator) -> Node | list[Node]:
    """The mean keeps its dimensions; where the model drops them, a reshape does."""
    x, output = op.input(0), op.output()
    axes = op.tensors.index_values(op.inputs[1])
    if axes is None:
        raise UnsupportedError("computed axes; a constant is accepted")
    batch, _, _, channels = _nhwc(x)
    if sorted(a + 4 * (a < 0) for a in axes.reshape(-1).tolist()) != [1, 2]:
        raise UnsupportedError(f"axes {axes.tolist()}; height and width, [1, 2], are accepted")
    if op.options["keep_dims"]:
        return op.node("mean", (x.name,))
    kept = op.tensors.invent(f"{output.name}/keep_dims", output, (batch, 1, 1, channels))
    return [
        Node(kept.name, "mean", (x.name,), (kept.name,), {}),
        op.node("reshape", (kept.name,), shape=output.shape),
    ]


def _concatenation(op: Operator) -> Node:
    """The channels come last; LiteRT's int8 kernel too accepts nothing to clamp or to rescale."""
    output, axis = op.output(), op.options["axis"]
    last = len(output.shape) - 1
    if axis not in (-1, last):
        raise UnsupportedError(f"axis {axis}; the last one, {last}, is accepted")
    if op.activation() != "none":
        raise UnsupportedError(f"activation {op.activation()}; none is accepted")
    inputs = [op.input(i) for i in range(len(op.inputs))]
    for tensor in inputs:
        if tensor.quant != output.quant:
            raise UnsupportedError(
                f"input {show(tensor.name)} is not quantised as the output is; equal scales and "
                "zero points are accepted"
            )
    return op.node("concatenation", tuple(tensor.name for tensor in inputs))


def _pool_attrs(op: Operator) -> dict:
    kernel = op.pair("kernel")
    return {
        "kernel": kernel,
        "stride": op.pair("stride"),
        "padding": _padding(op, kernel, (1, 1)),
        "activation": op.activation(),
    }


def _avg_pool2d(op: Operator) -> Node:
    attrs = _pool_attrs(op)
    return op.node("avg_pool2d", (op.input(0).name,), count_include_pad=False, **attrs)


def _max_pool2d(op: Operator) -> Node:
    return op.node("max_pool2d", (op.input(0).name,), **_pool_attrs(op))


def _pad(op: Operator) -> Node:
    amounts = op.tensors.index_values(op.inputs[1])
    if amounts is None:
        raise UnsupportedError("computed paddings; a constant is accepted")
    if amounts.shape != (4, 2):
        raise UnsupportedError(f"paddings of shape {list(amounts.shape)}; [4, 2] is accepted")
    if amounts[0].any() or amounts.min() < 0 or amounts.max() > MAX_ATTR:
        raise UnsupportedError(
            f"paddings {amounts.tolist()}; 0 to {MAX_ATTR} for height, width and channels, "
            "and 0 for batch, are accepted"
        )
    top, bottom, left, right, before, after = map(int, amounts[1:].reshape(-1))
    return op.node(
        "pad", (op.input(0).name,), padding=(top, bottom, left, right),
        channel_padding=(before, after),
    )


def _reshape(op: Operator) -> Node:
    """The output tensor's own shape rules; a constant second input must agree with it."""
    shape = op.output().shape
    if len(op.inputs) == 2 and op.inputs[1] != -1:
        wanted = op.tensors.index_values(op.inputs[1])
        if wanted is None:
            raise UnsupportedError("computed shape; a constant is accepted")
        agrees = wanted.shape == (len(shape),) and np.all((wanted == -1) | (wanted == shape))
        if not agrees:
            raise InputError(f"shape {wanted.tolist()}; the output's {list(shape)} is accepted")
    return op.node("reshape", (op.input(0).name,), shape=shape)


def _quantize(op: Operator) -> Node:
    return op.node("quantize", (op.input(0).name,))


def _softmax(op: Operator) -> Node:
    return op.node("softmax", (op.input(0).name,), beta=op.options["beta"])


def _function(op_name: str, *options: str) -> Callable[[Operator], Node]:
    """The converter to a function of one value whose attributes are the operator's options."""

    def convert(op: Operator) -> Node:
        attrs = {name: op.options[name] for name in options}
        return op.node(op_name, (op.input(0).name,), **attrs)

    return convert


def _logistic(op: Operator) -> Node:
    """LiteRT's int8 kernel accepts one scale and zero point only."""
    output = op.output()
    if output.quant != Quant((1 / 256,), (-128,)):
        raise UnsupportedError(
            f"output {show(output.name)}: scale 1/256 and zero point -128 are accepted"
        )
    return op.node("sigmoid", (op.input(0).name,))


@dataclass(frozen=True)
class Converter:
    """How many inputs and outputs an operator may have, and what makes its node or nodes.

    Of several nodes for one output the last is the one named after it.
    """

    fewest: int
    most: int
    convert: Callable[[Operator], Node | list[Node]]
    outputs: int = 1


CONVERTERS: dict[str, Converter] = {
    "ADD": Converter(2, 2, _add),
    "AVERAGE_POOL_2D": Converter(1, 1, _avg_pool2d),
    "CONCATENATION": Converter(1, MAX_ATTR, _concatenation),
    "CONV_2D": Converter(2, 3, _conv2d),
    "DEPTHWISE_CONV_2D": Converter(2, 3, _depthwise_conv2d),
    "FULLY_CONNECTED": Converter(2, 3, _fully_connected),
    "MAX_POOL_2D": Converter(1, 1, _max_pool2d),
    "MEAN": Converter(2, 2, _mean),
    "MUL": Converter(2, 2, _mul),
    "PAD": Converter(2, 2, _pad),
    "QUANTIZE": Converter(1, 1, _quantize),
    "RESHAPE": Converter(1, 2, _reshape),
    "RESIZE_BILINEAR": Converter(2, 2, spatial.resize_bilinear),
    "RESIZE_NEAREST_NEIGHBOR": Converter(2, 2, spatial.resize_nearest),
    "SLICE": Converter(3, 3, channels.channel_slice),
    "SOFTMAX": Converter(1, 1, _softmax),
    "SPLIT": Converter(2, 2, channels.split, MAX_ATTR),
    "SPLIT_V": Converter(3, 3, channels.split_v, MAX_ATTR),
    "STRIDED_SLICE": Converter(4, 4, channels.strided_slice),
    "GELU": Converter(1, 1, _function("gelu", "approximate")),
    "HARD_SWISH": Converter(1, 1, _function("hard_swish")),
    "LEAKY_RELU": Converter(1, 1, _function("leaky_relu", "alpha")),
    "LOGISTIC": Converter(1, 1, _logistic),
    "RELU": Converter(1, 1, _function("relu")),
    "RELU6": Converter(1, 1, _function("relu6")),
    "RELU_N1_TO_1": Converter(1, 1, _function("relu_n1_to_1")),
    "TANH": Converter(1, 1, _function("tanh")),
    "TRANSPOSE_CONV": Converter(3, 4, spatial.transpose_conv2d),
}
