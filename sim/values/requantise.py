"""The post-processor: accumulators to int8, intermediate results as wide as in the machine.

All functions work element by element and broadcast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64] | np.int64
"""One value for all, or one for each."""


def wrap32(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """The low 32 bits of int64 values, as signed int64."""
    return value.astype(np.int32).astype(np.int64)


def rounding_divide(value: NDArray[np.int64], exponent: Integers) -> NDArray[np.int64]:
    """``value / 2**exponent``, rounded to nearest, halves away from zero (int64)."""
    mask = (np.int64(1) << exponent) - 1
    threshold = (mask >> 1) + (value < 0)
    return (value >> exponent) + ((value & mask) > threshold)


def rescale(value: np.ndarray, left: Integers, multiplier: Integers, right: Integers) -> np.ndarray:
    """One trip through the requantiser: int64 ``value`` that fits 32 bits; the result likewise."""
    shifted = wrap32(value << left)
    return rounding_divide(wrap32((shifted * multiplier + (1 << 30)) >> 31), right)


def finish(value: NDArray[np.int64], zero: int, low: int, high: int) -> NDArray[np.int64]:
    """Add the zero point and clamp."""
    return np.minimum(np.maximum(value + zero, low), high)


def rescale_once(
    value: np.ndarray, left: np.ndarray, multiplier: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """The same with a single rounding, halves away from zero; a right shift of 0 rounds down."""
    product = wrap32(value << left) * multiplier
    whole = product >> 31
    tie_down = (whole < 0) & (right > 0) & (product & 0x7FFFFFFF == 0)
    half = (np.int64(1) << right) >> 1
    return wrap32((whole + half - tie_down) >> right)


def requantise(acc: np.ndarray, params: np.ndarray, fields: dict[str, int]) -> np.ndarray:
    """Results before residual and table: int64, in int8's range.

    ``acc`` is int32 ``[..., channels]``; ``params`` int64 ``[4, channels]``: biases, multipliers,
    left shifts, right shifts.
    """
    bias, multiplier, left, right = params
    scaled = rescale_once if fields["round_once"] else rescale
    value = scaled(wrap32(acc.astype(np.int64) + bias), left, multiplier, right)
    return finish(value, fields["out_zero"], fields["out_min"], fields["out_max"])


def add_residual(value: np.ndarray, other: np.ndarray, fields: dict[str, int]) -> np.ndarray:
    """The requantised sum of ``value`` and the second operand (int64, in int8's range)."""
    scalar = {
        name: np.int64(fields[name])
        for name in (
            "add_left",
            "a_multiplier",
            "a_right",
            "b_multiplier",
            "b_right",
            "sum_multiplier",
            "sum_right",
        )
    }
    first = rescale(
        value + fields["a_offset"], scalar["add_left"], scalar["a_multiplier"], scalar["a_right"]
    )
    second = rescale(
        other + fields["b_offset"], scalar["add_left"], scalar["b_multiplier"], scalar["b_right"]
    )
    total = rescale(
        wrap32(first + second), np.int64(0), scalar["sum_multiplier"], scalar["sum_right"]
    )
    return finish(total, fields["add_zero"], fields["add_min"], fields["add_max"])
