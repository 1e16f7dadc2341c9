"""Conversion of TFLite's resizes and transposed convolution to nodes of the graph."""

from __future__ import annotations

from compiler.errors import InputError
from compiler.frontend.tflite.operator import Operator
from compiler.ir.graph import Node
from compiler.ir.ops import MAX_ATTR


def resize_nearest(op: Operator) -> Node:
    """RESIZE_NEAREST_NEIGHBOR to a constant size."""
    return _resize(op, "nearest")


def resize_bilinear(op: Operator) -> Node:
    """RESIZE_BILINEAR to a constant size."""
    return _resize(op, "bilinear")


def _resize(op: Operator, mode: str) -> Node:
    size = _constant(op, 1, "size", 2)
    if not all(1 <= value <= MAX_ATTR for value in size):
        raise InputError(f"size is {list(size)}; 1 to {MAX_ATTR} is accepted")
    return op.node(
        "resize",
        (op.input(0).name,),
        mode=mode,
        size=size,
        align_corners=op.options["align_corners"],
        half_pixel_centers=op.options["half_pixel_centers"],
    )


def transpose_conv2d(op: Operator) -> Node:
    """TRANSPOSE_CONV with a constant output shape, which says what is cut off or added."""
    weights, x = op.map(1), op.map(2)
    shape = _constant(op, 0, "output_shape", 4)
    if shape != op.output().shape:
        raise InputError(
            f"output_shape is {list(shape)}; the output's {list(op.output().shape)} is accepted"
        )
    size, kernel, stride = shape[1:3], weights.shape[1:3], op.pair("stride")
    # Of the convolution whose input has the output's size.
    top, _, left, _ = op.window_padding(size, kernel)
    (bottom, below), (right, beside) = (
        _end((extent - 1) * step + taps - before - outputs)
        for extent, step, taps, before, outputs in zip(
            x.shape[1:3], stride, kernel, (top, left), size, strict=True
        )
    )
    present = len(op.inputs) == 4 and op.inputs[3] != -1
    return op.node(
        "transpose_conv2d",
        (x.name, weights.name, op.input(3).name if present else ""),
        stride=stride,
        padding=(top, bottom, left, right),
        output_padding=(below, beside),
        groups=1,
        activation=op.fused_activation(),
    )


def _end(surplus: int) -> tuple[int, int]:
    """Pixels cut off and pixels added after a map that is ``surplus`` pixels too long."""
    return max(surplus, 0), max(-surplus, 0)


def _constant(op: Operator, position: int, role: str, count: int) -> tuple[int, ...]:
    values = op.integers(position, role)
    if values.shape != (count,):
        raise InputError(f"{role} of shape {list(values.shape)}; [{count}] is accepted")
    return tuple(int(v) for v in values)
