"""Conversion of TFLite operators to nodes of the graph, one function per operator."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite import elementwise, rearrange, reductions, slices, spatial
from compiler.frontend.tflite.operator import Operator
from compiler.ir.graph import Node, Tensor
from compiler.ir.ops import MAX_ATTR
from compiler.ir.shapes import fully_connected_shape


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


def _fully_connected(op: Operator) -> list[Node]:
    """FULLY_CONNECTED of everything, or of each position's last axis."""
    x, weights, y = op.input(0), op.input(1), op.output()
    if op.options["weights_format"]:
        raise UnsupportedError(f"weights_format {op.options['weights_format']}; 0 is accepted")
    inputs = (x.name, weights.name, op.bias())
    attrs = {"activation": op.fused_activation()}
    shape = fully_connected_shape(x.shape, weights.shape)
    if shape == y.shape or math.prod(shape) != math.prod(y.shape):
        return [op.node("fully_connected", inputs, **attrs)]
    made = op.tensors.invent(f"{y.name}/rows", y, shape)
    node = Node(made.name, "fully_connected", inputs, (made.name,), attrs)
    return [node, op.reshaped(made)]


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
    return op.node("max_pool2d", (op.input(0).name,), dilation=(1, 1), **_pool_attrs(op))


def _quantize(op: Operator) -> Node:
    return op.node("quantize", (op.input(0).name,))


def _softmax(op: Operator) -> Node:
    return op.node("softmax", (op.input(0).name,), beta=op.options["beta"])


@dataclass(frozen=True)
class Converter:
    """Numbers of inputs and outputs that an operator may have, and the function that makes its
    nodes.

    Of several nodes for one output the last is the one named after it. ``convert`` raises
    InputError for what contradicts the operator's definition, UnsupportedError for what is valid
    but not read.
    """

    fewest: int
    most: int
    convert: Callable[[Operator], Node | list[Node]]
    outputs: int = 1


CONVERTERS: dict[str, Converter] = {
    "ABS": Converter(1, 1, elementwise.table("abs")),
    "ADD": Converter(2, 2, elementwise.add),
    "ARG_MAX": Converter(2, 2, reductions.arg_max(smallest=False)),
    "ARG_MIN": Converter(2, 2, reductions.arg_max(smallest=True)),
    "AVERAGE_POOL_2D": Converter(1, 1, _avg_pool2d),
    "BATCH_MATMUL": Converter(2, 2, reductions.batch_matmul),
    "CONCATENATION": Converter(1, MAX_ATTR, rearrange.concatenation),
    "CONV_2D": Converter(2, 3, _conv2d),
    "DEPTHWISE_CONV_2D": Converter(2, 3, _depthwise_conv2d),
    "DEPTH_TO_SPACE": Converter(1, 1, rearrange.depth_to_space),
    "EXP": Converter(1, 1, elementwise.table("exp")),
    "EXPAND_DIMS": Converter(2, 2, rearrange.expand_dims),
    "FULLY_CONNECTED": Converter(2, 3, _fully_connected),
    "GATHER": Converter(2, 2, rearrange.gather),
    "GELU": Converter(1, 1, elementwise.function("gelu", "approximate")),
    "HARD_SWISH": Converter(1, 1, elementwise.function("hard_swish")),
    "LEAKY_RELU": Converter(1, 1, elementwise.function("leaky_relu", "alpha")),
    "LOGISTIC": Converter(1, 1, elementwise.logistic),
    "MAXIMUM": Converter(2, 2, elementwise.binary("maximum")),
    "MAX_POOL_2D": Converter(1, 1, _max_pool2d),
    "MEAN": Converter(2, 2, reductions.reduction("mean")),
    "MINIMUM": Converter(2, 2, elementwise.binary("minimum")),
    "MIRROR_PAD": Converter(2, 2, rearrange.mirror_pad),
    "MUL": Converter(2, 2, elementwise.mul),
    "PACK": Converter(1, MAX_ATTR, rearrange.pack),
    "PAD": Converter(2, 2, rearrange.pad),
    "PADV2": Converter(3, 3, rearrange.padv2),
    "PRELU": Converter(2, 2, elementwise.prelu),
    "QUANTIZE": Converter(1, 1, _quantize),
    "REDUCE_MAX": Converter(2, 2, reductions.reduction("max")),
    "REDUCE_MIN": Converter(2, 2, reductions.reduction("min")),
    "RELU": Converter(1, 1, elementwise.function("relu")),
    "RELU6": Converter(1, 1, elementwise.function("relu6")),
    "RELU_0_TO_1": Converter(1, 1, elementwise.table("relu_0_to_1")),
    "RELU_N1_TO_1": Converter(1, 1, elementwise.function("relu_n1_to_1")),
    "RESHAPE": Converter(1, 2, rearrange.reshape),
    "RESIZE_BILINEAR": Converter(2, 2, spatial.resize_bilinear),
    "RESIZE_NEAREST_NEIGHBOR": Converter(2, 2, spatial.resize_nearest),
    "REVERSE_V2": Converter(2, 2, rearrange.reverse),
    "RSQRT": Converter(1, 1, elementwise.table("rsqrt")),
    "SLICE": Converter(3, 3, slices.part),
    "SOFTMAX": Converter(1, 1, _softmax),
    "SPACE_TO_DEPTH": Converter(1, 1, rearrange.space_to_depth),
    "SPLIT": Converter(2, 2, slices.split, MAX_ATTR),
    "SPLIT_V": Converter(3, 3, slices.split_v, MAX_ATTR),
    "SQUARED_DIFFERENCE": Converter(2, 2, elementwise.binary("squared_difference")),
    "SQUEEZE": Converter(1, 1, rearrange.squeeze),
    "STRIDED_SLICE": Converter(4, 4, slices.strided_slice),
    "SUB": Converter(2, 2, elementwise.binary("sub")),
    "SUM": Converter(2, 2, reductions.reduction("sum")),
    "TANH": Converter(1, 1, elementwise.function("tanh")),
    "TILE": Converter(2, 2, rearrange.tile),
    "TRANSPOSE": Converter(2, 2, rearrange.transpose),
    "TRANSPOSE_CONV": Converter(3, 4, spatial.transpose_conv2d),
    "UNPACK": Converter(1, 1, slices.unpack, MAX_ATTR),
}
