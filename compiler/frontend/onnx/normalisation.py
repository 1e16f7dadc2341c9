"""Softmax and LayerNormalization."""

from __future__ import annotations

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Pending
from compiler.ir.graph import Tensor


def softmax(imp: Importer, op: Operator) -> Pending:
    """Softmax over the channels. Before opset 13 it runs over all axes from ``axis`` on."""
    x = imp.real(op)
    shape = x.view.shape
    axis = _axis(op, len(shape), -1 if op.opset >= 13 else 1)
    if op.opset < 13 and any(s > 1 for s in shape[axis + 1 :]):
        raise UnsupportedError(f"axis {axis} of shape {list(shape)}; the last one is accepted")
    tensor, view = imp.channels_at(x, axis, 2)
    return imp.pending("softmax", (tensor,), {"beta": 1.0}, view)


def layer_normalization(imp: Importer, op: Operator) -> Pending:
    """Normalisation over the last axis."""
    op.ignore("stash_type")
    x = imp.real(op)
    rank = len(x.view.shape)
    axis = _axis(op, rank, -1)
    if axis != rank - 1:
        raise UnsupportedError(f"axis {axis} of {rank}; the last one is accepted")
    tensor, view = imp.channels_at(x, axis, 2)
    channels = x.view.shape[axis]
    gamma = _parameter(imp, op, 1, channels, 1.0)
    beta = _parameter(imp, op, 2, channels, 0.0)
    attrs = {"epsilon": float(op.attribute("epsilon", 1e-5))}
    return imp.pending("layer_norm", (tensor, gamma, beta), attrs, view)


def _axis(op: Operator, rank: int, default: int) -> int:
    axis: int = op.attribute("axis", default)
    if not -rank <= axis < rank:
        raise InputError(f"axis is {axis}; {-rank} to {rank - 1} is accepted")
    return axis % rank


def _parameter(imp: Importer, op: Operator, position: int, channels: int, default: float) -> Tensor:
    if op.given(position):
        array = imp.constant(op, position).astype(np.float32).reshape(-1)
        name = op.inputs[position]
    else:
        array, name = np.full(channels, default, np.float32), f"{op.name}/beta"
    if array.shape != (channels,):
        raise InputError(f"{array.size} values for {channels} channels; one each is accepted")
    array = array.copy()
    array.setflags(write=False)
    return Tensor(name, (channels,), "float32", data=array)
