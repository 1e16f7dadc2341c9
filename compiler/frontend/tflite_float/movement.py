"""Operators that move values, and constants after DEQUANTIZE."""

from __future__ import annotations

import numpy as np

from compiler.errors import InputError
from compiler.frontend.tflite.options import check_paddings
from compiler.frontend.tflite_float.onnx_builder import TO_FIRST
from compiler.frontend.tflite_float.operator import Operator


def concatenation(op: Operator) -> None:
    """Concat."""
    rank = len(op.output_shape)
    if any(len(op.shape(i)) != rank for i in range(len(op.inputs))):
        raise InputError(f"inputs of other than {rank} dimensions, the output's; {rank} accepted")
    axis = op.axis(op.options["axis"], rank)
    op.emit("Concat", *(op.activation(i) for i in range(len(op.inputs))), axis=axis)


def pad(op: Operator) -> None:
    """Pad with zeros, in space and channels."""
    op.map_shape(0)
    amounts = op.integers(1, "paddings")
    check_paddings(amounts)
    begins_then_ends = amounts[list(TO_FIRST)].T.reshape(-1)
    op.emit("Pad", op.activation(), op.integer_list(*map(int, begins_then_ends)))


def reshape(op: Operator) -> None:
    """Reshape of the model's own order of axes; the output tensor's shape rules."""
    shape = op.output_shape
    if op.given(1):
        wanted = op.integers(1, "shape")
        agrees = wanted.shape == (len(shape),) and np.all((wanted == -1) | (wanted == shape))
        if not agrees:
            raise InputError(f"shape {wanted.tolist()}; the output's {list(shape)} is accepted")
    if np.prod(op.shape(0)) != np.prod(shape):
        raise InputError(
            f"shape {list(shape)} for an input of {list(op.shape(0))}; as many elements are "
            "accepted"
        )
    x, new = op.last(), op.integer_list(*shape)
    if len(shape) != 4:
        op.emit("Reshape", x, new)
        return
    last = op.twin.node("Reshape", (x, new), f"{op.name}/channels_last")
    op.emit("Transpose", last, perm=TO_FIRST)


def densify(op: Operator) -> None:
    """A sparse constant with its zeros; no node."""
    op.twin.tensors.densify(op.inputs[0], op.output)


def dequantize(op: Operator) -> None:
    """A constant of float16 or integers made float32; no node."""
    op.twin.set_array(op.output, op.constant(0, "input"))
