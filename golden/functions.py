"""Functions of one value: int8 to int8, so that each is a table of 256 entries.

relu, relu6, relu_n1_to_1, leaky_relu and hard_swish are the integer kernels of TFLite
(``kernels/activations.cc``, ``reference/leaky_relu.h``, ``reference/hard_swish.h``). sigmoid, tanh
and gelu are TFLite's too, which evaluates them in float32 for every input (``LUTPopulate`` in
``kernels/internal/common.h``). hard_sigmoid and silu, which TFLite lacks, are evaluated in float64
and quantised to the nearest step. lookup is the table itself. Arrays have any shape, which the
result keeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from golden.fixed import multiply_by_quantized_multiplier, quantize_multiplier
from golden.hard_swish import hard_swish
from golden.quant import QParams, as_float32, clamp, dequantize, quantize, round_half_away
from golden.rsqrt import rsqrt

#: More steps than any stored type has, and an integer in float32.
_FAR = np.float32(1 << 20)


def relu(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``max(x, 0)``."""
    return _rectified("relu", x, x_quant, y_quant)


def relu6(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``x`` from 0 to 6."""
    return _rectified("relu6", x, x_quant, y_quant)


def relu_n1_to_1(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``x`` from -1 to 1."""
    return _rectified("relu_n1_to_1", x, x_quant, y_quant)


def leaky_relu(
    x: np.ndarray, x_quant: QParams, y_quant: QParams, alpha: float = 0.01
) -> np.ndarray:
    """``x`` where it is at least 0, else ``alpha * x``; each side with a multiplier of its own."""
    steps = x.astype(np.int64) - x_quant.zero_point
    above = _scaled(steps, _ratio(x_quant, y_quant))
    below = _scaled(steps, _ratio(x_quant, y_quant, alpha))
    return clamp(np.where(steps >= 0, above, below), y_quant)


def sigmoid(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``1 / (1 + exp(-x))``."""
    return _in_float32(_sigmoid32, x, x_quant, y_quant)


def tanh(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """The hyperbolic tangent."""
    return _in_float32(lambda v: _each(math.tanh, v), x, x_quant, y_quant)


def gelu(
    x: np.ndarray, x_quant: QParams, y_quant: QParams, approximate: bool = False
) -> np.ndarray:
    """``x`` times the normal distribution function of ``x``, or its approximation by tanh.

    Source of both: TFLite ``reference/gelu.h``.
    """
    return _in_float32(_gelu_tanh32 if approximate else _gelu32, x, x_quant, y_quant)


def relu_0_to_1(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``x`` from 0 to 1."""
    return _rectified("relu_0_to_1", x, x_quant, y_quant)


def absolute(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``x`` without its sign; rescaled only where the scales differ."""
    steps = np.abs(x.astype(np.int64) - x_quant.zero_point)
    if as_float32(x_quant.scale) == as_float32(y_quant.scale):
        return clamp(steps, y_quant)
    return clamp(_scaled(steps, _ratio(x_quant, y_quant)), y_quant)


def exp(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``e ** x``."""
    return _in_float32(lambda v: _each(lambda t: math.exp(min(t, 700.0)), v), x, x_quant, y_quant)


def hard_sigmoid(
    x: np.ndarray, x_quant: QParams, y_quant: QParams, alpha: float = 1 / 6, beta: float = 0.5
) -> np.ndarray:
    """``alpha * x + beta`` from 0 to 1 (ONNX HardSigmoid), in float64."""
    with np.errstate(over="ignore"):
        return quantize(np.clip(alpha * _real(x, x_quant) + beta, 0, 1), y_quant)


def silu(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """``x / (1 + exp(-x))``, in float64."""
    real = _real(x, x_quant)
    with np.errstate(over="ignore"):
        return quantize(real / (1 + np.exp(-real)), y_quant)


def lookup(x: np.ndarray, x_quant: QParams, y_quant: QParams, table: np.ndarray) -> np.ndarray:
    """``table[x + 128]``, for stored values as they are; ``table`` is int8 ``[256]``."""
    return table[x.astype(np.int64) + 128]


FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "relu": relu,
    "relu6": relu6,
    "relu_n1_to_1": relu_n1_to_1,
    "leaky_relu": leaky_relu,
    "hard_swish": hard_swish,
    "hard_sigmoid": hard_sigmoid,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "silu": silu,
    "gelu": gelu,
    "lookup": lookup,
}

#: Functions that are no operators of the graph, only tables of ``lookup``.
TABLES: dict[str, Callable[..., np.ndarray]] = {
    "relu_0_to_1": relu_0_to_1,
    "exp": exp,
    "rsqrt": rsqrt,
    "abs": absolute,
}


def function_table(op: str, x_quant: QParams, y_quant: QParams, **attrs: object) -> np.ndarray:
    """The function's results for -128 to 127, int8 ``[256]``; of ``FUNCTIONS`` and ``TABLES``."""
    call = FUNCTIONS.get(op) or TABLES[op]
    return call(np.arange(-128, 128).astype(np.int8), x_quant, y_quant, **attrs)


def _rectified(name: str, x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """Values in the output's scale, clamped. Source: TFLite ``reference_ops::ReluX``."""
    scaled = _scaled(x.astype(np.int64) - x_quant.zero_point, _ratio(x_quant, y_quant))
    return clamp(scaled, y_quant, name)


def _ratio(x_quant: QParams, y_quant: QParams, slope: float = 1.0) -> np.float32:
    """Output steps per input step where ``slope`` is the function's; these kernels use float32."""
    with np.errstate(over="ignore"):
        return np.float32(x_quant.scale) * np.float32(slope) / np.float32(y_quant.scale)


def _scaled(steps: np.ndarray, factor: np.float32) -> np.ndarray:
    """``steps * factor`` by a quantised multiplier, which has the factor's sign.

    Raises ValueError for a factor of 2**31 or more.
    """
    if not abs(factor) < 1 << 31:
        raise ValueError(f"output steps per input step must be below 2**31, not {factor!s}")
    multiplier, shift = quantize_multiplier(abs(float(factor)))
    return multiply_by_quantized_multiplier(
        steps, multiplier if factor >= 0 else -multiplier, shift
    )


def _in_float32(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, x_quant: QParams, y_quant: QParams
) -> np.ndarray:
    """The function of the real values, every step in float32 as ``LUTPopulate`` computes it.

    Not-a-number, which overflow may leave, becomes the zero point.
    """
    inverse = np.float32(1) / np.float32(y_quant.scale)
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.nan_to_num(function(dequantize(x, x_quant)) * inverse, nan=0.0)
    return clamp(round_half_away(np.clip(steps, -_FAR, _FAR)).astype(np.int64), y_quant)


def _each(function: Callable[[float], float], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A function of the C library in float64 on each value, rounded to float32."""
    flat = [function(float(v)) for v in x.ravel()]
    return np.array(flat, np.float64).astype(np.float32).reshape(x.shape)


def _sigmoid32(x: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials = _each(lambda v: math.exp(min(-v, 700.0)), x)
    return np.float32(1) / (np.float32(1) + exponentials)


def _gelu32(x: NDArray[np.float32]) -> NDArray[np.float32]:
    root = np.float32(-math.sqrt(0.5))
    y: NDArray[np.float32] = np.float32(0.5) * x * _each(math.erfc, x * root)
    return y


def _gelu_tanh32(x: np.ndarray) -> np.ndarray:
    root, cubic = np.float32(2 / math.sqrt(math.pi) * math.sqrt(0.5)), np.float32(0.044715)
    inner = root * (x + cubic * x * x * x)
    return np.float32(0.5) * x * (np.float32(1) + _each(math.tanh, inner))


def _real(x: np.ndarray, x_quant: QParams) -> np.ndarray:
    """The real values in float64."""
    return as_float32(x_quant.scale) * (x.astype(np.float64) - x_quant.zero_point)
