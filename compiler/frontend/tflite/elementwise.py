"""Conversion of the TFLite operators that treat each value on its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from compiler.errors import UnsupportedError, show
from compiler.frontend.tflite.operator import Operator
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Node, Quant, Tensor
from golden.functions import TABLES, function_table
from golden.quant import QParams, quantize


def add(op: Operator) -> Node:
    """ADD: on the array of two maps of one shape."""
    a, b = op.input(0), op.input(1)
    if a.shape != b.shape or a.is_constant or b.is_constant:
        return binary("add")(op)
    return op.node("add", (a.name, b.name), activation=op.fused_activation())


def mul(op: Operator) -> Node:
    """MUL: on the array of a map and one value per channel."""
    a, b = op.input(0), op.input(1)
    small = min((a.shape, b.shape), key=math.prod)
    per_channel = len(a.shape) == len(b.shape) and math.prod(small) == small[-1]
    per_channel = per_channel and a.shape[-1] == b.shape[-1]
    if a.is_constant or b.is_constant or not (a.shape == b.shape or per_channel):
        return binary("mul")(op)
    return op.node("mul", (a.name, b.name), activation=op.fused_activation())


def binary(function: str) -> Callable[[Operator], Node]:
    """The converter to a function of two operands that broadcast."""

    def convert(op: Operator) -> Node:
        names = (op.input(0).name, op.input(1).name)
        return op.node("elementwise", names, function=function, activation=op.fused_activation())

    return convert


def prelu(op: Operator) -> Node | list[Node]:
    """PRELU: with a slope for each channel the sum of the values above 0 and the product of those
    below, of which one is 0 everywhere, so that it moves the other."""
    x, slopes, y = op.input(0), op.input(1), op.output()
    channels = math.prod(slopes.shape) == slopes.shape[-1] == x.shape[-1] > 1
    if not (slopes.is_constant and channels and x.shape == y.shape and not x.is_constant):
        return binary("prelu")(op)
    every = np.arange(-128, 128).astype(np.int8)
    quant, to = _qparams(x), _qparams(y)
    above = function_table("leaky_relu", quant, to, alpha=0.0)
    below = np.minimum(every, quant.zero_point).astype(np.int8)
    parts = []
    for text, table, like in (("above", above, y), ("below", below, x)):
        made = op.tensors.invent(f"{y.name}/{text}", like, y.shape)
        data = op.tensors.constant(f"{made.name}/table", table)
        op.steps.append(Node(made.name, "lookup", (x.name, data.name), (made.name,), {}))
        parts.append(made)
    product = op.tensors.invent(f"{y.name}/sloped", y, y.shape)
    attrs = {"function": "mul", "activation": "none"}
    inputs = (parts[1].name, slopes.name)
    op.steps.append(Node(product.name, "elementwise", inputs, (product.name,), attrs))
    return [*op.steps, op.node("add", (product.name, parts[0].name), activation="none")]


def function(op_name: str, *options: str) -> Callable[[Operator], Node]:
    """The converter to a function of one value whose attributes are the operator's options."""

    def convert(op: Operator) -> Node:
        attrs = {name: op.options[name] for name in options}
        return op.node(op_name, (op.input(0).name,), **attrs)

    return convert


def table(name: str) -> Callable[[Operator], Node]:
    """The converter to the table of a function that is no operator of the graph."""

    def convert(op: Operator) -> Node:
        x, y = op.input(0), op.output()
        data = function_table(name, _qparams(x), _qparams(y))
        made = op.tensors.constant(f"{y.name}/table", data)
        return op.node("lookup", (x.name, made.name))

    assert name in TABLES, name
    return convert


def logistic(op: Operator) -> Node:
    """LiteRT's int8 kernel accepts one scale and zero point only."""
    output = op.output()
    if output.quant != Quant((1 / 256,), (-128,)):
        raise UnsupportedError(
            f"output {show(output.name)}: scale 1/256 and zero point -128 are accepted"
        )
    return op.node("sigmoid", (op.input(0).name,))


def _qparams(tensor: Tensor) -> QParams:
    if tensor.quant is None or tensor.dtype != "int8" or np.size(tensor.quant.scale) != 1:
        raise UnsupportedError(
            f"tensor {show(tensor.name)} has type {tensor.dtype}; int8 with one scale is accepted"
        )
    return QParams(tensor.quant.scale[0], tensor.quant.zero_point[0])


def cast_input(x: Tensor, y: Tensor, tensors: TensorReader) -> list[Node]:
    """CAST and QUANTIZE of an input of 8-bit numbers: their table."""
    first, nodes = -128 if x.dtype == "int8" else 0, []
    if x.dtype == "uint8":
        # The same numbers with the top bit inverted.
        signed = replace(x, dtype="int8", quant=Quant((1.0,), (-128,)))
        made = tensors.invent(f"{x.name}/int8", signed, x.shape)
        nodes.append(Node(made.name, "quantize", (x.name,), (made.name,), {}))
        x = made
    data = quantize(np.arange(first, first + 256), _qparams(y))
    constant = tensors.constant(f"{y.name}/table", data)
    return [*nodes, Node(y.name, "lookup", (x.name, constant.name), (y.name,), {})]
