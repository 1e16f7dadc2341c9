"""Gemm and MatMul with constant weights."""

from __future__ import annotations

import math

import numpy as np

from compiler.errors import UnsupportedError
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Constant, Pending, QuantConstant, Real
from compiler.frontend.onnx.views import arranged
from compiler.frontend.onnx.weights import (
    read_bias,
    read_weights,
    weight_tensor,
    within_int8,
)
from compiler.frontend.onnx.windows import ONE_TAP
from compiler.ir.graph import Tensor
from compiler.ir.window_shapes import MAX_KERNEL


def gemm(imp: Importer, op: Operator) -> Pending:
    """A fully connected layer; alpha and beta are 1."""
    op.expect("alpha", 1.0, 1.0)
    op.expect("beta", 1.0, 1.0)
    x = imp.real(op)
    if op.expect("transA", 0, 0, 1):
        x = Real(x.tensor, x.view.transposed((1, 0)))
    transposed = op.expect("transB", 0, 0, 1)
    _check_bias(imp, op)
    weights = read_weights(imp, op, 1, 0 if transposed else 1)
    return _dense(imp, op, x, weights, weights.steps if transposed else weights.steps.T)


def _check_bias(imp: Importer, op: Operator) -> None:
    """Raise UnsupportedError for a bias that differs from row to row."""
    if op.given(2):
        shape = imp.constant(op, 2).shape
        if any(size > 1 for size in shape[:-1]):
            raise UnsupportedError(f"a bias of shape {list(shape)}; one per column is accepted")


def matmul(imp: Importer, op: Operator) -> Pending:
    """A fully connected layer, or over several positions a 1x1 convolution."""
    if not any(isinstance(imp.value(op, i), Constant | QuantConstant) for i in (0, 1)):
        raise UnsupportedError("two activations, as in attention; constant weights are accepted")
    weights = read_weights(imp, op, 1, 1)
    return _dense(imp, op, imp.real(op), weights, weights.steps.T)


def _dense(
    imp: Importer, op: Operator, x: Real, weights: QuantConstant, rows: np.ndarray
) -> Pending:
    """``rows`` are ``[outputs, inputs]``."""
    shape = x.view.shape
    if rows.ndim != 2 or len(shape) < 2 or shape[-1] != rows.shape[1]:
        raise UnsupportedError(
            f"an input of shape {list(shape)} and weights of {list(weights.steps.shape)}; weights "
            "of 2 dimensions and an input that ends with their rows are accepted"
        )
    if math.prod(shape[:-1]) == 1:
        return _fully_connected(imp, op, x, weights, rows)
    return _pointwise(imp, op, x, weights, rows)


def _fully_connected(
    imp: Importer, op: Operator, x: Real, weights: QuantConstant, rows: np.ndarray
) -> Pending:
    """Columns go where memory has the elements that the model flattened channels first."""
    outputs = rows.shape[0]
    tensor, columns = x.tensor, np.take(rows, x.view.memory_to_model(), axis=1)
    if max(imp.tensors[tensor].shape[1:3]) > MAX_KERNEL or rows.dtype != np.int8:
        tensor = imp.reshaped(tensor, (1, 1, 1, rows.shape[1]), x.view)
    if rows.dtype != np.int8:
        tensor, columns = within_int8(imp, tensor, columns)
    constant = weight_tensor(weights, columns, 0)
    inputs = (tensor, constant, read_bias(imp, op, 2, tensor, weights, outputs))
    shape = (*x.view.shape[:-1], outputs)
    view = arranged(shape, tuple(range(len(shape))))
    return imp.pending("fully_connected", inputs, {"activation": "none"}, view)


def _pointwise(
    imp: Importer, op: Operator, x: Real, weights: QuantConstant, rows: np.ndarray
) -> Pending:
    axis = len(x.view.shape) - 1
    tensor, view = imp.channels_at(imp.ending_with(x, axis), axis)
    tensor, rows = within_int8(imp, tensor, rows)
    constant = weight_tensor(weights, rows[:, None, None, :], 0)
    bias: str | Tensor = read_bias(imp, op, 2, tensor, weights, rows.shape[0])
    view = view.with_last(axis, rows.shape[0])
    attrs = {**ONE_TAP, "groups": 1, "activation": "none"}
    return imp.pending("conv2d", (tensor, constant, bias), attrs, view)
