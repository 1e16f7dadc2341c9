"""Operators of two values: sums and products of activations, and arithmetic with constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError, show
from compiler.frontend.onnx.affine import affine
from compiler.frontend.onnx.functions import composed, stored_function
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Constant, Function, Pending, QuantConstant, Real
from compiler.frontend.onnx.views import channel_axis
from compiler.frontend.onnx.weights import bias_tensor
from compiler.ir.graph import Tensor

#: The operators in float64.
_COMPUTE: dict[str, Callable[[np.ndarray | float, np.ndarray | float], np.ndarray]] = {
    "Add": np.add,
    "Div": np.divide,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Pow": np.power,
    "Sub": np.subtract,
    "Sum": np.add,
}

BINARY = tuple(_COMPUTE)

#: Operators of the graph for two activations.
_NODES = {"Add": "add", "Mul": "mul", "Sum": "add"}

#: ``x * f(x)`` by the operator ``f``.
_GATES = {"sigmoid": "silu"}


def binary(imp: Importer, op: Operator) -> Function | Pending:
    """``add`` or ``mul`` of two tensors; else the function that is left, or a bias."""
    if len(op.inputs) != 2:
        raise UnsupportedError(f"{len(op.inputs)} inputs; 2 are accepted")
    a, b = (imp.value(op, i) for i in (0, 1))
    if isinstance(a, Constant | QuantConstant):
        return _with_constant(imp, op, 1, a, first=True)
    if isinstance(b, Constant | QuantConstant):
        return _with_constant(imp, op, 0, b, first=False)
    if isinstance(a, Real | Function) and isinstance(b, Real | Function):
        a, b = _with_one_argument(imp, a, b)
        same = a.tensor == b.tensor and a.view.shape == b.view.shape and a.view.runs == b.view.runs
        if same and (op.op not in _NODES or isinstance(a, Function) or isinstance(b, Function)):
            return _of_one(imp, op, a, b)
    return _of_two(imp, op)


def _with_one_argument(
    imp: Importer, a: Real | Function, b: Real | Function
) -> tuple[Real | Function, Real | Function]:
    """The operands as functions of the same tensor, if one is rounded from a function of it."""
    for first, second in ((a, b), (b, a)):
        inner = stored_function(imp, second)
        while inner is not None and inner.tensor != first.tensor:
            inner = stored_function(imp, inner)
        if inner is not None:
            return (a, inner) if first is a else (inner, b)
    return a, b


def _of_one(imp: Importer, op: Operator, a: Real | Function, b: Real | Function) -> Function:
    """Two functions of the same tensor make another."""
    f, g, compute = imp.function(a), imp.function(b), _COMPUTE[op.op]
    result = Function(f.tensor, f.view, lambda v: compute(f.apply(v), g.apply(v)))
    ops = {f.op, g.op}
    if op.op == "Mul" and "identity" in ops:
        other = f if g.op == "identity" else g
        if other.op in _GATES:
            return replace(result, op=_GATES[other.op])
        if other.op == "hard_sigmoid" and _is_hard_swish(other.attrs):
            return replace(result, op="hard_swish")
    return result


def _is_hard_swish(attrs: dict[str, Any]) -> bool:
    """Whether x * hard_sigmoid(x) is hard_swish; a file holds alpha in float32."""
    return np.float32(attrs["alpha"]) == np.float32(1 / 6) and float(attrs["beta"]) == 0.5


def _of_two(imp: Importer, op: Operator) -> Pending:
    """A sum or product of two tensors of the same shape; a product with one value per channel."""
    if op.op not in _NODES:
        raise UnsupportedError(
            f"two activations; {', '.join(_NODES)} are accepted for two, {op.op} with a constant"
        )
    a, b = imp.unshuffled(imp.real(op, 0)), imp.unshuffled(imp.real(op, 1))
    attrs = {"activation": "none"}
    if a.view.shape == b.view.shape and a.view.runs == b.view.runs:
        if op.op == "Mul" and _pixels(imp, a.tensor) > 1:
            raise UnsupportedError(
                f"both operands have {_pixels(imp, a.tensor)} pixels; one of them with one value "
                "per channel is accepted"
            )
        other = imp.reshaped(b.tensor, imp.tensors[a.tensor].shape, b.view)
        return imp.pending(_NODES[op.op], (a.tensor, other), attrs, a.view)
    if op.op == "Mul":
        for large, small in ((a, b), (b, a)):
            axis = channel_axis(small.view.shape, large.view.shape)
            if axis is not None:
                return _scaled(imp, large, small, axis, attrs)
    raise UnsupportedError(
        f"inputs of shape {list(a.view.shape)} and {list(b.view.shape)}; equal shapes in the same "
        "order of axes, or in a product one value per channel, are accepted"
    )


def _pixels(imp: Importer, tensor: str) -> int:
    shape = imp.tensors[tensor].shape
    return math.prod(shape[:-1])


def _scaled(imp: Importer, large: Real, small: Real, axis: int, attrs: dict[str, Any]) -> Pending:
    tensor, view = imp.channels_at(large, axis)
    gate = imp.with_channels(small.tensor, view.shape[axis], small.view)
    return imp.pending("mul", (tensor, gate), attrs, view)


def _with_constant(
    imp: Importer, op: Operator, position: int, value: Constant | QuantConstant, first: bool
) -> Function | Pending:
    """``first`` says that the constant is the first operand."""
    x = imp.activation(op, position)
    real = value.real if isinstance(value, QuantConstant) else value.array.astype(np.float64)
    if isinstance(x, Pending) and op.op == "Add":
        return _with_bias(imp, x, value, real)
    if not isinstance(x, Real | Function):
        raise UnsupportedError(
            f"input {show(op.inputs[position])} is a real value that no QuantizeLinear rounds; the "
            "output of a DequantizeLinear is accepted"
        )
    compute = _COMPUTE[op.op]
    if real.size == 1 and real.ndim <= len(x.view.shape):
        number = float(real.reshape(-1)[0])
        if first:
            return composed(imp.function(x), lambda v: compute(number, v))
        return composed(imp.function(x), lambda v: compute(v, number))
    axis = channel_axis(real.shape, x.view.shape)
    if not isinstance(x, Real) or axis is None or op.op not in ("Add", "Sub", "Mul", "Div"):
        raise UnsupportedError(
            f"a constant of shape {list(real.shape)} for {list(x.view.shape)}; one number, or in "
            "Add, Sub, Mul and Div one per channel, is accepted"
        )
    return _per_channel(imp, op, x, axis, real.reshape(-1), value.name, first)


def _per_channel(
    imp: Importer, op: Operator, x: Real, axis: int, c: np.ndarray, name: str, first: bool
) -> Pending:
    one, zero = np.ones_like(c), np.zeros_like(c)
    if op.op == "Div" and (first or not c.all()):
        raise UnsupportedError(
            "a quotient of constants by an activation, or by 0; a divisor other than 0 is accepted"
        )
    factors: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        "Add": lambda: (one, c),
        "Sub": lambda: (-one, c) if first else (one, -c),
        "Mul": lambda: (c, zero),
        "Div": lambda: (1.0 / c, zero),
    }
    gain, offset = factors[op.op]()
    return affine(imp, x, axis, gain, offset, name)


def _with_bias(
    imp: Importer, x: Pending, value: Constant | QuantConstant, real: np.ndarray
) -> Pending:
    """A constant added to a layer without a bias, as after MatMul."""
    axis = channel_axis(real.shape, x.view.shape)
    bounded = (x.low, x.high) != (-math.inf, math.inf)
    if len(x.inputs) != 3 or x.inputs[2] or bounded or axis is None or not x.view.ends_with(axis):
        raise UnsupportedError(
            f"a constant of shape {list(real.shape)} added to {x.op} before QuantizeLinear; one "
            "per output channel of a layer without a bias is accepted"
        )
    source, weights = x.inputs[0], x.inputs[1]
    assert isinstance(source, str) and isinstance(weights, Tensor) and weights.quant
    scale = np.asarray(weights.quant.scale, np.float32)
    bias = bias_tensor(imp, value, source, scale, x.view.shape[axis])
    return replace(x, inputs=(source, weights, bias))
