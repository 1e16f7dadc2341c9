"""Conversion of TFLite's reductions and products of matrices to nodes of the graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import tflite

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.tflite.operator import Operator
from compiler.frontend.tflite.schema import enum_name
from compiler.ir.graph import Node, Tensor
from compiler.ir.shapes import Shape
from compiler.ir.window_shapes import MAX_KERNEL


def reduction(function: str) -> Callable[[Operator], list[Node]]:
    """The converter to a reduction, on the array of whole maps for means and largest values."""

    def convert(op: Operator) -> list[Node]:
        x, y = op.input(0), op.output()
        axes = _axes(op, x)
        kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
        if math.prod(kept) != math.prod(y.shape):
            raise InputError(
                f"output {show(y.name)} has shape {list(y.shape)}; {list(kept)} has "
                "as many values as there are"
            )
        whole = _as_map(x.shape, axes)
        height, width = (0, 0) if whole is None else whole[1:3]
        if max(height, width) > MAX_KERNEL:
            whole = None
        op_name = "reduce"
        attrs: dict[str, object] = {"function": function, "axes": axes}
        if whole and function == "mean":
            op_name, attrs = "mean", {}
        elif whole and function == "max":
            op_name, attrs = "max_pool2d", _pool(height, width)
        if op_name != "reduce":
            assert whole is not None
            x = op.in_shape(x, whole)
            kept = (1, 1, 1, whole[3])
        if kept == y.shape:
            return [*op.steps, op.node(op_name, (x.name,), **attrs)]
        made = op.step(op_name, replace(y, name=x.name), kept, **attrs)
        return [*op.steps, op.reshaped(made)]

    return convert


def _axes(op: Operator, x: Tensor) -> tuple[int, ...]:
    """The graph's axes, each once, in order."""
    found = op.integers(1, "axes").reshape(-1).tolist()
    axes = {op.axis(x, axis) for axis in found}
    if not axes:
        raise InputError("axes []; one or more are accepted")
    if 0 in axes and x.shape[0] == 1 and len(axes) > 1:
        axes.discard(0)
    return tuple(sorted(axes))


def _as_map(shape: Shape, axes: tuple[int, ...]) -> Shape | None:
    """The map of batch 1 whose whole height and width the axes are; None where there is none."""
    first, last = axes[0], axes[-1]
    together = axes == tuple(range(first, last + 1)) and last == len(shape) - 2
    if not together or math.prod(shape[:first]) != 1:
        return None
    sizes = (1, *shape[first : last + 1])
    return 1, math.prod(sizes[:-1]), sizes[-1], shape[-1]


def _pool(height: int, width: int) -> dict[str, object]:
    return {
        "kernel": (height, width),
        "stride": (1, 1),
        "dilation": (1, 1),
        "padding": (0, 0, 0, 0),
        "activation": "none",
    }


def arg_max(smallest: bool) -> Callable[[Operator], Node]:
    """The converter to the places of the largest or smallest values."""

    def convert(op: Operator) -> Node:
        x, axis = op.input(0), op.integers(1, "axis").reshape(-1).tolist()
        if len(axis) != 1:
            raise InputError(f"axis {axis}; one number is accepted")
        kind = enum_name(tflite.TensorType, op.options["output_type"])
        if kind not in ("INT32", "INT64"):
            raise UnsupportedError(f"output_type {kind}; INT32 or INT64 is accepted")
        return op.node("arg_max", (x.name,), axis=op.axis(x, axis[0]), smallest=smallest)

    return convert


def batch_matmul(op: Operator) -> Node:
    """BATCH_MATMUL of activations, or of one and a constant."""
    names = (op.input(0).name, op.input(1).name)
    return op.node(
        "matmul", names, transpose_a=op.options["adj_x"], transpose_b=op.options["adj_y"]
    )
