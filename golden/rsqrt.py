"""``1 / sqrt(x)`` of int8 values in fixed point.

Sources: TFLite ``RsqrtEvalQuantized`` of ``kernels/elementwise.cc`` and
``GetInvSqrtQuantizedMultiplierExp`` of ``kernels/internal/quantization_util.cc``.
"""

from __future__ import annotations

import numpy as np

from golden.fixed import (
    INT32_MAX,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    saturating_shift_left,
)
from golden.quant import RANGES, QParams, as_float32, clamp

#: Fraction bits of the reciprocal root before it is rescaled.
_SHIFT = 20

#: 1, 1.5 in Q3.28, and the root of 1/2 in Q0.31.
_ONE, _HALF_THREE, _HALF_ROOT = 1 << 28, (1 << 28) + (1 << 27), 1518500250

_mul = saturating_rounding_doubling_high_mul


def rsqrt(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """The reciprocal root of each value; the largest result for 0.

    TFLite refuses to compute values below 0; they are taken for 0 here.
    """
    root = float(np.sqrt(np.float32(x_quant.scale))) * as_float32(y_quant.scale)
    multiplier, shift = quantize_multiplier(1.0 / root)
    largest = RANGES[y_quant.dtype][1] - y_quant.zero_point
    steps = x.astype(np.int64) - x_quant.zero_point
    found = [
        _scaled(int(value), multiplier, shift) if value > 0 else largest for value in steps.flat
    ]
    return clamp(np.array(found, np.int64).reshape(x.shape), y_quant)


def _scaled(value: int, multiplier: int, shift: int) -> int:
    inverse, places = _inverse_root(value)
    data = multiply_by_quantized_multiplier(1, inverse, places + _SHIFT)
    return int(multiply_by_quantized_multiplier(data, multiplier, shift - _SHIFT))


def _inverse_root(value: int) -> tuple[int, int]:
    """A Q31 multiplier and a shift of ``1 / sqrt(value)``, by five steps of Newton's method."""
    if value <= 1:
        return INT32_MAX, 0
    pairs = (31 - value.bit_length()) // 2 - 1
    places = 11 - pairs
    raw = (value << (2 * pairs)) >> 1
    half, x = rounding_divide_by_pot(raw, 1), np.asarray(_ONE, np.int64)
    for _ in range(5):
        cube = saturating_shift_left(_mul(_mul(x, x), x), 6)
        x = saturating_shift_left(_mul(_HALF_THREE, x) - _mul(half, cube), 3)
    result = int(_mul(x, _HALF_ROOT))
    return (result << -places, 0) if places < 0 else (result, -places)
