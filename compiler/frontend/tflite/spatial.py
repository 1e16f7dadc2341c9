"""Conversion of TFLite's resizes and transposed convolution to nodes of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tflite

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite.schema import enum_name
from compiler.ir.graph import Node, Tensor
from compiler.ir.ops import MAX_ATTR
from compiler.ir.shapes import Padding, same_padding

if TYPE_CHECKING:
    from compiler.frontend.tflite.operators import Operator


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
    weights, x = op.input(1), op.input(2)
    shape = _constant(op, 0, "output_shape", 4)
    if shape != op.output().shape:
        raise InputError(
            f"output_shape is {list(shape)}; the output's {list(op.output().shape)} is accepted"
        )
    size, kernel = shape[1:3], _sides(weights)
    stride = op.pair("stride")
    top, _, left, _ = _same_or_none(op, size, kernel, stride)
    (bottom, below), (right, beside) = (
        _end((extent - 1) * step + taps - before - outputs)
        for extent, step, taps, before, outputs in zip(
            _sides(x), stride, kernel, (top, left), size, strict=True
        )
    )
    present = len(op.inputs) == 4 and op.inputs[3] != -1
    return op.node(
        "transpose_conv2d",
        (x.name, weights.name, op.input(3).name if present else ""),
        stride=stride,
        padding=(top, bottom, left, right),
        output_padding=(below, beside),
        activation=op.activation(),
    )


def _same_or_none(
    op: Operator, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]
) -> Padding:
    """The padding of the convolution whose input has the output's size; its end is not used."""
    code = op.options["padding"]
    if code == tflite.Padding.VALID:
        return 0, 0, 0, 0
    if code != tflite.Padding.SAME:
        found = enum_name(tflite.Padding, code)
        raise InputError(f"padding has {found}; SAME or VALID is accepted")
    return same_padding(size, kernel, stride)


def _end(surplus: int) -> tuple[int, int]:
    """Pixels cut off and pixels added behind a map that is ``surplus`` pixels too long."""
    return max(surplus, 0), max(-surplus, 0)


def _constant(op: Operator, position: int, role: str, count: int) -> tuple[int, ...]:
    values = op.tensors.index_values(op.inputs[position])
    if values is None:
        raise UnsupportedError(f"computed {role}; a constant is accepted")
    if values.shape != (count,):
        raise InputError(f"{role} of shape {list(values.shape)}; [{count}] is accepted")
    return tuple(int(v) for v in values)


def _sides(tensor: Tensor) -> tuple[int, int]:
    """Height and width of a map, or of weights."""
    if len(tensor.shape) != 4:
        raise InputError(
            f"tensor {tensor.name!r} has shape {list(tensor.shape)}; 4 dimensions are accepted"
        )
    return tensor.shape[1], tensor.shape[2]
