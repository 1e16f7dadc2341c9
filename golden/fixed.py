"""Saturating and rounding integer arithmetic, as gemmlowp and TFLite's reference kernels define it.

Values are int32 held in int64 arrays, so that no intermediate result overflows unseen. Functions
work element by element; their arguments broadcast. Sources:
gemmlowp ``fixedpoint/fixedpoint.h``; TFLite ``kernels/internal/common.cc`` (the double-rounding
``MultiplyByQuantizedMultiplier``) and ``kernels/internal/quantization_util.cc``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

INT32_MIN = -(1 << 31)
INT32_MAX = (1 << 31) - 1


def wrap32(x: ArrayLike) -> np.ndarray:
    """The low 32 bits of ``x`` as a signed number (two's complement), as int64."""
    return ((np.asarray(x, np.int64) + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def saturate32(x: ArrayLike) -> np.ndarray:
    """Integral ``x`` clamped to the int32 range, as int64."""
    return np.clip(x, INT32_MIN, INT32_MAX).astype(np.int64)


def c_round(x: float) -> int:
    """``x`` rounded to the nearest integer, ties away from zero (C ``round``)."""
    whole = math.floor(abs(x))
    whole += abs(x) - whole >= 0.5
    return whole if x >= 0 else -whole


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> NDArray[np.int64]:
    """``round(a * b / 2**31)`` for int32 ``a`` and ``b``, as int64.

    A tie goes up, towards plus infinity; ``INT32_MIN * INT32_MIN`` saturates to ``INT32_MAX``.
    Source: gemmlowp ``SaturatingRoundingDoublingHighMul``, whose nudge of ``2**30`` (or
    ``1 - 2**30`` for a negative product) before a division that truncates amounts to this.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: NDArray[np.int64] = np.minimum((product + (1 << 30)) >> 31, INT32_MAX)
    return high


def rounding_divide_by_pot(x: ArrayLike, exponent: ArrayLike) -> NDArray[np.int64]:
    """``x / 2**exponent`` rounded to nearest, ties away from zero, for int32 ``x``, as int64.

    ``exponent`` is 0 to 31 and broadcasts against ``x``. Raises ValueError for another one. Source:
    gemmlowp ``RoundingDivideByPOT``.
    """
    x = np.asarray(x, np.int64)
    exponent = np.asarray(exponent, np.int64)
    if np.any((exponent < 0) | (exponent > 31)):
        raise ValueError(f"exponent must be 0 to 31, not {exponent!r}")
    mask = (np.int64(1) << exponent) - 1
    remainder = x & mask
    threshold = (mask >> 1) + (x < 0)
    rounded: NDArray[np.int64] = (x >> exponent) + (remainder > threshold)
    return rounded


def saturating_shift_left(x: ArrayLike, exponent: int) -> np.ndarray:
    """``x * 2**exponent`` clamped to int32, as int64, for int32 ``x``.

    Source: gemmlowp ``SaturatingRoundingMultiplyByPOT`` with a positive exponent.
    """
    return saturate32(np.asarray(x, np.int64) << exponent)


def multiply_by_quantized_multiplier(
    x: ArrayLike, multiplier: ArrayLike, shift: ArrayLike
) -> np.ndarray:
    """``x * multiplier * 2**(shift - 31)`` in two roundings, for int32 ``x``, as int64.

    ``multiplier`` is Q31, 0 or ``2**30`` to ``2**31 - 1``. A positive ``shift`` (to 31) shifts
    ``x`` left before the product and drops what leaves 32 bits; a negative one (to -31) is a
    rounding right shift after it. ``multiplier`` and ``shift`` broadcast against ``x``, so that
    per-channel vectors apply along the last axis. Raises ValueError for another shift. Source:
    TFLite ``MultiplyByQuantizedMultiplier``.
    """
    shift = np.asarray(shift, np.int64)
    if np.any((shift < -31) | (shift > 31)):
        raise ValueError(f"shift must be -31 to 31, not {shift!r}")
    shifted = wrap32(np.asarray(x, np.int64) << np.maximum(shift, 0))
    high = saturating_rounding_doubling_high_mul(shifted, multiplier)
    return rounding_divide_by_pot(high, np.maximum(-shift, 0))


def quantize_multiplier(real: float) -> tuple[int, int]:
    """``(multiplier, shift)`` with ``real`` near ``multiplier * 2**(shift - 31)``.

    ``multiplier`` is ``2**30`` to ``2**31 - 1``, or 0 for a ``real`` of zero or below about
    ``2**-32``. Raises ValueError for a ``real`` that is negative or not finite. Source:
    TFLite ``QuantizeMultiplier``.
    """
    if not (math.isfinite(real) and real >= 0):
        raise ValueError(f"real must be finite and not negative, not {real!r}")
    fraction, shift = math.frexp(real)
    multiplier = c_round(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier >>= 1
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift
