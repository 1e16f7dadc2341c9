"""int8 softmax in fixed point, as TFLite's reference kernel computes it.

``Qm.n`` is a signed number with ``m`` integer and ``n`` fraction bits, ``m + n = 31``, in an int64
array of any shape. Sources:
TFLite ``reference/softmax.h`` and ``internal/common.h`` (``GetReciprocal``); gemmlowp
``fixedpoint/fixedpoint.h`` for the exponential and the reciprocal.
"""

from __future__ import annotations

import math

import numpy as np

from golden.fixed import (
    INT32_MAX,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    saturating_shift_left,
    wrap32,
)
from golden.quant import as_float32

#: Integer bits of the scaled difference to the largest input, and of the sum of exponentials.
DIFF_INTEGER_BITS = 5
SUM_INTEGER_BITS = 12

#: ``exp(-1/8)`` and 1/3 in Q0.31.
EXP_MINUS_EIGHTH = 1895147668
ONE_THIRD = 715827883

#: ``exp(-2**k)`` in Q0.31 for k = -2 to 4.
EXP_MINUS_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)

#: 48/17 and -32/17 in Q2.29: the first guess of the Newton-Raphson division.
FORTY_EIGHT_OVER_17 = 1515870810
MINUS_32_OVER_17 = -1010580540

_mul = saturating_rounding_doubling_high_mul


def softmax(x: np.ndarray, x_scale: float, beta: float = 1.0) -> np.ndarray:
    """Softmax over the last axis, int8 in and out; the output has scale 1/256, zero point -128.

    Differences to the largest input of more than about 31 / (x_scale * beta) steps give -128. So do
    all values where the exponentials sum to 512 or more (512 equal inputs, say): no share then
    reaches half a step; LiteRT ends the process there. Raises ValueError for a sum of 4096 or more.
    """
    multiplier, left_shift, smallest = _scaling(x_scale, beta)
    diff = x.astype(np.int64) - x.max(axis=-1, keepdims=True)
    seen = diff >= smallest
    scaled = _mul(wrap32(np.where(seen, diff, 0) << left_shift), multiplier)
    exponentials = np.where(seen, exp_on_negative_values(scaled), 0)
    addends = rounding_divide_by_pot(exponentials, SUM_INTEGER_BITS)
    totals = addends.sum(axis=-1, keepdims=True)
    if totals.max() > INT32_MAX:
        raise ValueError(f"the exponentials of a row must sum to less than {1 << SUM_INTEGER_BITS}")
    reciprocals, exponents = _reciprocal(totals)
    shifts = exponents + 31 - 8
    shares = rounding_divide_by_pot(_mul(reciprocals, exponentials), np.minimum(shifts, 31))
    shares = np.where(seen & (shifts <= 31), shares, 0)
    stored: np.ndarray = np.clip(shares - 128, -128, 127)
    return stored.astype(np.int8)


def exp_on_negative_values(x: np.ndarray) -> np.ndarray:
    """``exp(x)`` in Q0.31 for ``x`` at most 0 in Q5.26.

    The fraction below a quarter goes through a polynomial, each higher bit through a factor.
    """
    fraction_bits = 31 - DIFF_INTEGER_BITS
    quarter = 1 << (fraction_bits - 2)
    fraction = (x & (quarter - 1)) - quarter
    result = _exp_near_minus_eighth(saturating_shift_left(fraction, DIFF_INTEGER_BITS))
    remainder = fraction - x
    for power, factor in enumerate(EXP_MINUS_POWERS, start=-2):
        bit = (remainder >> (fraction_bits + power)) & 1
        result = np.where(bit == 1, _mul(result, factor), result)
    return np.where(x == 0, INT32_MAX, result)


def _exp_near_minus_eighth(a: np.ndarray) -> np.ndarray:
    """``exp(a)`` for ``a`` in [-1/4, 0), Q0.31: the Taylor series of degree 4 around -1/8."""
    x = a + (1 << 28)
    x2 = _mul(x, x)
    x3 = _mul(x2, x)
    x4_over_4 = rounding_divide_by_pot(_mul(x2, x2), 2)
    tail = rounding_divide_by_pot(_mul(x4_over_4 + x3, ONE_THIRD) + x2, 1)
    return wrap32(EXP_MINUS_EIGHTH + _mul(EXP_MINUS_EIGHTH, x + tail))


def _reciprocal(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``1 / total`` of a Q12.19 number as (Q0.31 in [1/2, 1], exponent): value * 2**-exponent."""
    leading_zeros = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    a = wrap32((total << leading_zeros) - (1 << 31))
    half_denominator = (a + INT32_MAX + 1) >> 1
    x = FORTY_EIGHT_OVER_17 + _mul(half_denominator, MINUS_32_OVER_17)
    for _ in range(3):
        error = (1 << 29) - _mul(half_denominator, x)
        x = wrap32(x + saturating_shift_left(_mul(x, error), 2))
    return saturating_shift_left(x, 1), SUM_INTEGER_BITS - leading_zeros


def _scaling(x_scale: float, beta: float) -> tuple[int, int, int]:
    """Q31 multiplier and left shift to Q5.26, and the smallest difference that still counts.

    Source: TFLite ``PreprocessSoftmaxScaling`` and ``CalculateInputRadius``.
    """
    fraction_bits = 31 - DIFF_INTEGER_BITS
    real = as_float32(beta) * as_float32(x_scale) * (1 << fraction_bits)
    real = min(real, float(INT32_MAX))
    if real <= 1:
        raise ValueError(f"beta * x_scale must be above 2**-{fraction_bits}, not {beta * x_scale}")
    multiplier, left_shift = quantize_multiplier(real)
    radius = ((1 << DIFF_INTEGER_BITS) - 1) * 2.0**fraction_bits / 2.0**left_shift
    return multiplier, left_shift, -math.floor(radius)
