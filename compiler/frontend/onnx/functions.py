"""Functions of one value: operators element by element, alone or composed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.slopes import sloped
from compiler.frontend.onnx.values import Constant, Function, Pending, QuantConstant, Real
from compiler.frontend.onnx.views import channel_axis
from compiler.ir.graph import Quant
from compiler.ir.ops import FUNCTIONS as GRAPH_FUNCTIONS
from golden.functions import function_table
from golden.quant import QParams

Apply = Callable[[np.ndarray], np.ndarray]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _softplus(x: np.ndarray) -> np.ndarray:
    y: np.ndarray = np.logaddexp(0.0, x)
    return y


def _hard_sigmoid(op: Operator) -> Apply:
    alpha, beta = op.attribute("alpha", 0.2), op.attribute("beta", 0.5)
    return lambda x: np.clip(alpha * x + beta, 0.0, 1.0)


def _gelu(op: Operator) -> Apply:
    if op.expect("approximate", "none", "none", "tanh") == "none":
        return lambda x: 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))
    factor = math.sqrt(2.0 / math.pi)
    return lambda x: 0.5 * x * (1.0 + np.tanh(factor * (x + 0.044715 * x**3)))


def _leaky(op: Operator) -> Apply:
    alpha = op.attribute("alpha", 0.01)
    return lambda x: np.where(x < 0, alpha * x, x)


def _elu(op: Operator) -> Apply:
    alpha = op.attribute("alpha", 1.0)
    return lambda x: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0.0)), x)


def _swish(op: Operator) -> Apply:
    alpha = op.attribute("alpha", 1.0)
    return lambda x: x * _sigmoid(alpha * x)


#: Functions by operator, as ONNX defines them; computed in float64.
FUNCTIONS: dict[str, Callable[[Operator], Apply]] = {
    "Abs": lambda op: np.abs,
    "Elu": _elu,
    "Erf": lambda op: _erf,
    "Exp": lambda op: np.exp,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda op: lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "LeakyRelu": _leaky,
    "Log": lambda op: np.log,
    "Mish": lambda op: lambda x: x * np.tanh(_softplus(x)),
    "Neg": lambda op: np.negative,
    "Reciprocal": lambda op: np.reciprocal,
    "Sigmoid": lambda op: _sigmoid,
    "Softplus": lambda op: _softplus,
    "Softsign": lambda op: lambda x: x / (1.0 + np.abs(x)),
    "Sqrt": lambda op: np.sqrt,
    "Swish": _swish,
    "Tanh": lambda op: np.tanh,
}

#: Operators of the graph that are these functions, with their parameters.
_NAMED: dict[str, Callable[[Operator], tuple[str, dict[str, Any]] | None]] = {
    "Gelu": lambda op: ("gelu", {"approximate": op.attribute("approximate", "none") == "tanh"}),
    "HardSigmoid": lambda op: (
        "hard_sigmoid",
        {"alpha": op.attribute("alpha", 0.2), "beta": op.attribute("beta", 0.5)},
    ),
    "HardSwish": lambda op: ("hard_swish", {}),
    "LeakyRelu": lambda op: ("leaky_relu", {"alpha": op.attribute("alpha", 0.01)}),
    "Sigmoid": lambda op: ("sigmoid", {}),
    "Swish": lambda op: ("silu", {}) if op.attribute("alpha", 1.0) == 1.0 else None,
    "Tanh": lambda op: ("tanh", {}),
}

_CLIPS = {
    (0.0, math.inf): "relu",
    (0.0, 6.0): "relu6",
    (-1.0, 1.0): "relu_n1_to_1",
}


def function(imp: Importer, op: Operator) -> Function:
    """A function of one tensor: its named operator, or ``lookup`` for what it is composed of."""
    x = argument(imp, op, 0)
    apply = FUNCTIONS[op.op](op)
    named = _NAMED[op.op](op) if op.op in _NAMED else None
    return composed(x, apply, *(named or ()))


def composed(
    x: Function, apply: Apply, op: str = "lookup", attrs: dict[str, Any] | None = None
) -> Function:
    """``apply`` after ``x``; ``op`` names ``apply``, and the whole if ``x`` is the identity."""
    if x.op != "identity":
        op, attrs = "lookup", None
    inner = x.apply
    return Function(x.tensor, x.view, lambda v: apply(inner(v)), op, attrs or {})


def stored_function(imp: Importer, x: Real | Function) -> Function | None:
    """``x`` as a function of what a function before it reads, with its rounding; None without."""
    maker = next((n for n in imp.nodes if n.outputs[0] == x.tensor), None)
    if maker is None or maker.op not in GRAPH_FUNCTIONS:
        return None
    source, y = imp.quant(maker.inputs[0]), imp.quant(x.tensor)
    constants = {"table": imp.tensors[maker.inputs[1]].data} if len(maker.inputs) > 1 else {}
    table = function_table(maker.op, _qparams(source), _qparams(y), **maker.attrs, **constants)
    real = (table.astype(np.float64) - y.zero_point[0]) * y.scale[0]

    def rounded(values: np.ndarray) -> np.ndarray:
        steps = np.rint(values / source.scale[0]).astype(np.int64) + source.zero_point[0]
        return real[steps + 128]

    inner = imp.function(x).apply
    return Function(maker.inputs[0], x.view, lambda values: inner(rounded(values)))


def _qparams(quant: Quant) -> QParams:
    return QParams(quant.scale[0], quant.zero_point[0])


def argument(imp: Importer, op: Operator, position: int) -> Function:
    """An input as a function of one stored tensor. Raises UnsupportedError for another."""
    value = imp.value(op, position)
    if isinstance(value, Real | Function):
        return imp.function(value)
    if isinstance(value, Constant | QuantConstant):
        raise UnsupportedError(
            f"input {show(op.inputs[position])} is a constant; an activation is accepted"
        )
    raise UnsupportedError(
        f"input {show(op.inputs[position])} is a real value that no QuantizeLinear rounds; the "
        "output of a DequantizeLinear is accepted"
    )


def relu(imp: Importer, op: Operator) -> Function | Pending:
    """Relu: part of the operator before it unless QuantizeLinear stands between."""
    return _bounded(imp, op, 0.0, math.inf)


def clip(imp: Importer, op: Operator) -> Function | Pending:
    """Clip with constant bounds, likewise."""
    low = _bound(imp, op, 1, -math.inf)
    high = _bound(imp, op, 2, math.inf)
    return _bounded(imp, op, low, high)


def _bound(imp: Importer, op: Operator, position: int, default: float) -> float:
    if not op.given(position):
        return default
    value = imp.constant(op, position)
    if value.size != 1 or np.isnan(value).any():
        raise InputError(f"bound {show(value.tolist())}; one number is accepted")
    return float(value.reshape(-1)[0])


def _bounded(imp: Importer, op: Operator, low: float, high: float) -> Function | Pending:
    value = imp.value(op, 0)
    if isinstance(value, Pending):
        return replace(value, low=max(value.low, low), high=min(value.high, high))
    x = argument(imp, op, 0)
    name = _CLIPS.get((low, high), "lookup")
    return composed(x, lambda v: np.minimum(np.maximum(v, low), high), name)


def prelu(imp: Importer, op: Operator) -> Function | Pending:
    """PRelu with one slope, or one for each channel.

    Raises UnsupportedError for other slopes.
    """
    slope = imp.constant(op, 1)
    if slope.size != 1:
        x = imp.real(op)
        axis = channel_axis(slope.shape, x.view.shape)
        if axis is None:
            raise UnsupportedError(
                f"slopes of shape {list(slope.shape)} for {list(x.view.shape)}; one, or one for "
                "each channel, is accepted"
            )
        return sloped(imp, x, axis, slope)
    alpha = float(slope.reshape(-1)[0])
    attrs = {"alpha": alpha}
    return composed(
        argument(imp, op, 0), lambda v: np.where(v < 0, alpha * v, v), "leaky_relu", attrs
    )
