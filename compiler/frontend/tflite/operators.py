"""Conversion of TFLite operators to nodes of the graph, one function per operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.tflite import channels, spatial
from compiler.frontend.tflite.operator import Operator
from compiler.frontend.tflite.options import check_paddings
from compiler.ir.graph import Node, Quant, Tensor
from compiler.ir.ops import MAX_ATTR


def _conv2d(op: Operator) -> Node:
    x, weights = op.map(0), op.map(1)
    channels, taken = x.shape[3], weights.shape[3]
    if channels % taken:
        raise InputError(
            f"input of {channels} channels; a multiple of the weights' {taken} is accepted"
        )
    return op.node(
        "conv2d",
        (x.name, weights.name, op.bias()),
        **_conv_window(op, x, weights),
        groups=channels // taken,
        activation=op.fused_activation(),
    )


def _depthwise_conv2d(op: Operator) -> Node:
    x, weights = op.map(0), op.map(1)
    return op.node(
        "depthwise_conv2d",
        (x.name, weights.name, op.bias()),
        **_conv_window(op, x, weights),
        depth_multiplier=op.options["depth_multiplier"],
        activation=op.fused_activation(),
    )


def _conv_window(op: Operator, x: Tensor, weights: Tensor) -> dict[str, Any]:
    dilation = op.pair("dilation")
    return {
        "stride": op.pair("stride"),
        "dilation": dilation,
        "padding": op.window_padding(x.shape[1:3], weights.shape[1:3], dilation),
    }


def _fully_connected(op: Operator) -> Node:
    x, weights = op.input(0), op.input(1)
    if op.options["weights_format"]:
        raise UnsupportedError(f"weights_format {op.options['weights_format']}; 0 is accepted")
    if op.options["keep_num_dims"] and len(x.shape) != 2:
        raise UnsupportedError(
            f"keep_num_dims on an input of {len(x.shape)} dimensions; 2 are accepted"
        )
    inputs = (x.name, weights.name, op.bias())
    return op.node("fully_connected", inputs, activation=op.fused_activation())


def _add(op: Operator) -> Node:
    return op.node("add", (op.input(0).name, op.input(1).name), activation=op.fused_activation())


def _mul(op: Operator) -> Node:
    return op.node("mul", (op.input(0).name, op.input(1).name), activation=op.fused_activation())


def _mean(op: Operator) -> Node | list[Node]:
    """The mean keeps its dimensions; where the model drops them, a reshape does."""
    output, axes, x = op.output(), op.integers(1, "axes"), op.map(0)
    batch, _, _, channels = x.shape
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
    if op.fused_activation() != "none":
        raise UnsupportedError(f"activation {op.fused_activation()}; none is accepted")
    inputs = [op.input(i) for i in range(len(op.inputs))]
    for tensor in inputs:
        if tensor.quant != output.quant:
            raise UnsupportedError(
                f"input {show(tensor.name)} is not quantised as the output is; equal scales and "
                "zero points are accepted"
            )
    return op.node("concatenation", tuple(tensor.name for tensor in inputs))


def _pool_attrs(op: Operator) -> dict[str, Any]:
    kernel, size = op.pair("kernel"), op.map(0).shape[1:3]
    return {
        "kernel": kernel,
        "stride": op.pair("stride"),
        "padding": op.window_padding(size, kernel),
        "activation": op.fused_activation(),
    }


def _avg_pool2d(op: Operator) -> Node:
    attrs = _pool_attrs(op)
    return op.node("avg_pool2d", (op.input(0).name,), count_include_pad=False, **attrs)


def _max_pool2d(op: Operator) -> Node:
    return op.node("max_pool2d", (op.input(0).name,), **_pool_attrs(op))


def _pad(op: Operator) -> Node:
    amounts = op.integers(1, "paddings")
    check_paddings(amounts)
    top, bottom, left, right, before, after = map(int, amounts[1:].reshape(-1))
    return op.node(
        "pad",
        (op.input(0).name,),
        padding=(top, bottom, left, right),
        channel_padding=(before, after),
    )


def _reshape(op: Operator) -> Node:
    """The output tensor's own shape rules; a constant second input must agree with it."""
    shape = op.output().shape
    if len(op.inputs) == 2 and op.inputs[1] != -1:
        wanted = op.integers(1, "shape")
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
    """Numbers of inputs and outputs that an operator may have, and the function that makes its
    nodes.

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
