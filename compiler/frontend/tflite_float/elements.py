"""Operators element by element: sums, products, functions of one value; softmax."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite_float.onnx_builder import TO_FIRST
from compiler.frontend.tflite_float.operator import Operator, Shape


def binary(kind: str) -> Callable[[Operator], None]:
    """The converter to a function of two activations, or of one and a constant."""

    def convert(op: Operator) -> None:
        shapes = op.shape(0), op.shape(1)
        try:
            result = np.broadcast_shapes(*shapes)
        except ValueError:
            result = None
        if result != op.output_shape:
            raise InputError(
                f"inputs of shape {list(shapes[0])} and {list(shapes[1])} for an output of "
                f"{list(op.output_shape)}; shapes that give the output's are accepted"
            )
        op.emit(kind, *(_operand(op, i, len(result)) for i in (0, 1)))

    convert.__doc__ = f"{kind} of two activations, or of one and a constant."
    return convert


def _operand(op: Operator, position: int, rank: int) -> str:
    values = op.array(position)
    if values is None:
        if len(op.shape(position)) == rank:
            return op.activation(position)
        shape = (1,) * (rank - len(op.shape(position))) + op.shape(position)
        name = f"{op.name}/operand{position}"
        spread = op.twin.node("Reshape", (op.last(position), op.integer_list(*shape)), name)
        if rank != 4:
            return spread
        return op.twin.node("Transpose", (spread,), f"{name}/first", perm=TO_FIRST)
    return op.named(_spread(op.constant(position, "operand"), rank), "operand")


def _spread(values: np.ndarray, rank: int) -> np.ndarray:
    """A constant with as many axes as ONNX's array of ``rank`` axes, in their order."""
    shape: Shape = (1,) * (rank - values.ndim) + values.shape
    spread = values.reshape(shape)
    return spread.transpose(TO_FIRST) if rank == 4 else spread


def function(kind: str) -> Callable[[Operator], None]:
    """The converter to an ONNX function of one value without attributes."""

    def convert(op: Operator) -> None:
        op.emit(kind, op.activation())

    convert.__doc__ = f"{kind}."
    return convert


def clamp(kind: str) -> Callable[[Operator], None]:
    """The converter to an activation function that only bounds values."""

    def convert(op: Operator) -> None:
        op.clamp(kind, op.activation(), op.twin.make(op.output))

    convert.__doc__ = "Relu." if kind == "relu" else "Clip."
    return convert


def leaky_relu(op: Operator) -> None:
    """LeakyRelu."""
    op.emit("LeakyRelu", op.activation(), alpha=op.options["alpha"])


def prelu(op: Operator) -> None:
    """LeakyRelu where all slopes are equal, else PRelu."""
    slopes = op.constant(1, "slopes")
    if np.unique(slopes).size == 1:
        op.emit("LeakyRelu", op.activation(), alpha=float(slopes.flat[0]))
        return
    spread = _spread(slopes, len(op.output_shape))
    op.emit("PRelu", op.activation(), op.named(spread, "slopes"))


def softmax(op: Operator) -> None:
    """Softmax over the last axis, the channels; beta is 1."""
    if op.options["beta"] != 1.0:
        raise UnsupportedError(f"beta {op.options['beta']}; 1 is accepted")
    op.emit("Softmax", op.activation(), axis=op.axis(-1, len(op.shape(0))))
