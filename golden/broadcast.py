"""Operators of two operands, value by value, which broadcast as NumPy's arrays do.

Sources: TFLite ``reference/add.h``, ``reference/sub.h``, ``reference/integer_ops/mul.h``,
``reference/maximum_minimum.h``, ``reference/prelu.h`` and ``kernels/squared_difference.cc``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from golden.elementwise import add
from golden.fixed import multiply_by_quantized_multiplier, quantize_multiplier
from golden.multiply import mul
from golden.quant import QParams, add_params, as_float32, clamp

#: Left shift of the operands of a squared difference.
_SQUARED_LEFT_SHIFT = 7

_Kernel = Callable[[np.ndarray, np.ndarray, QParams, QParams, QParams, str], np.ndarray]


def elementwise(
    a: np.ndarray,
    b: np.ndarray,
    a_quant: QParams,
    b_quant: QParams,
    y_quant: QParams,
    function: str,
    activation: str = "none",
) -> np.ndarray:
    """``function`` of each pair of values of ``a`` and ``b``, in the output's scale.

    Raises ValueError if the shapes do not broadcast, or the scales are none of the kernel's.
    """
    first, second = np.broadcast_arrays(a, b)
    return _KERNELS[function](first, second, a_quant, b_quant, y_quant, activation)


def _sub(
    a: np.ndarray,
    b: np.ndarray,
    a_quant: QParams,
    b_quant: QParams,
    y_quant: QParams,
    activation: str,
) -> np.ndarray:
    """``a - b`` as an addition whose second multiplier is negative."""
    params = add_params(a_quant.scale, b_quant.scale, y_quant.scale)
    steps = [
        (x.astype(np.int64) - quant.zero_point) << params.left_shift
        for x, quant in ((a, a_quant), (b, b_quant))
    ]
    scaled_a = multiply_by_quantized_multiplier(steps[0], params.a_multiplier, params.a_shift)
    scaled_b = multiply_by_quantized_multiplier(steps[1], -params.b_multiplier, params.b_shift)
    scaled = multiply_by_quantized_multiplier(
        scaled_a + scaled_b, params.y_multiplier, params.y_shift
    )
    return clamp(scaled, y_quant, activation)


def _prelu(
    a: np.ndarray,
    b: np.ndarray,
    a_quant: QParams,
    b_quant: QParams,
    y_quant: QParams,
    activation: str,
) -> np.ndarray:
    """``a`` where it is at least 0, else ``a * b``; each side has a multiplier of its own."""
    steps = a.astype(np.int64) - a_quant.zero_point
    slopes = b.astype(np.int64) - b_quant.zero_point
    ratio = np.float32(a_quant.scale) / np.float32(y_quant.scale)
    sloped = np.float32(a_quant.scale) * np.float32(b_quant.scale) / np.float32(y_quant.scale)
    above = multiply_by_quantized_multiplier(steps, *quantize_multiplier(float(ratio)))
    below = multiply_by_quantized_multiplier(steps * slopes, *quantize_multiplier(float(sloped)))
    return clamp(np.where(steps >= 0, above, below), y_quant, activation)


def _squared_difference(
    a: np.ndarray,
    b: np.ndarray,
    a_quant: QParams,
    b_quant: QParams,
    y_quant: QParams,
    activation: str,
) -> np.ndarray:
    """``(a - b) ** 2``: the operands go to twice the larger scale with 7 more fraction bits."""
    twice = 2.0 * max(as_float32(a_quant.scale), as_float32(b_quant.scale))
    left = 1 << (2 * _SQUARED_LEFT_SHIFT)
    moved = [
        multiply_by_quantized_multiplier(
            (x.astype(np.int64) - quant.zero_point) << _SQUARED_LEFT_SHIFT,
            *quantize_multiplier(as_float32(quant.scale) / twice),
        )
        for x, quant in ((a, a_quant), (b, b_quant))
    ]
    difference = moved[0] - moved[1]
    multiplier = quantize_multiplier(twice * twice / (left * as_float32(y_quant.scale)))
    scaled = multiply_by_quantized_multiplier(difference * difference, *multiplier)
    return clamp(scaled, y_quant, activation)


def _stored(choose: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> _Kernel:
    """A choice of one of two stored values, which have one scale and zero point."""

    def kernel(
        a: np.ndarray,
        b: np.ndarray,
        a_quant: QParams,
        b_quant: QParams,
        y_quant: QParams,
        activation: str,
    ) -> np.ndarray:
        found: np.ndarray = choose(a, b).astype(np.int64) - y_quant.zero_point
        return clamp(found, y_quant, activation)

    return kernel


_KERNELS: dict[str, _Kernel] = {
    "add": add,
    "sub": _sub,
    "mul": mul,
    "minimum": _stored(np.minimum),
    "maximum": _stored(np.maximum),
    "prelu": _prelu,
    "squared_difference": _squared_difference,
}
