"""The post-processor: accumulators to int8, intermediate results as wide as in the machine.

Compiled by numba; all functions that call one another are in this file, as numba's cache sees no
changes in others. Loops are long, over many channels, and what wraps in the machine is int32: so
they become vector instructions.
"""

from __future__ import annotations

import numpy as np

from compiler.kernels import njit

POST_FIELDS = (
    *("round_once", "out_zero", "out_min", "out_max", "residual", "add_left"),
    *("a_offset", "a_multiplier", "a_right", "b_offset", "b_multiplier", "b_right"),
    *("sum_multiplier", "sum_right", "add_zero", "add_min", "add_max", "table"),
)
"""Fields of an EXECUTE that ``finish`` reads, in the order of its argument ``post``."""

_inline = njit(inline="always", error_model="numpy")


@_inline
def _divide(value, exponent):
    """``value / 2**exponent``, rounded to nearest, halves away from zero (all int32)."""
    mask = np.int32(np.left_shift(np.int32(1), exponent) - 1)
    threshold = np.int32(np.right_shift(mask, np.int32(1)) + (value < 0))
    return np.int32(np.right_shift(value, exponent) + (np.int32(value & mask) > threshold))


@_inline
def _rescale(value, left, multiplier, right):
    """One trip through the requantiser, int32 to int32; ``multiplier`` is int64."""
    shifted = np.int64(np.left_shift(value, left))
    return _divide(np.int32((shifted * multiplier + (1 << 30)) >> 31), right)


@_inline
def _rescale_once(value, left, multiplier, right):
    """The same with a single rounding, halves away from zero; a right shift of 0 rounds down."""
    product = np.int64(np.left_shift(value, left)) * multiplier
    whole = product >> 31
    tie_down = (whole < 0) & (right > 0) & (product & 0x7FFFFFFF == 0)
    half = (np.int64(1) << np.int64(right)) >> 1
    return np.int32((whole + half - tie_down) >> np.int64(right))


@_inline
def _clamped(value, zero, low, high):
    """``value + zero`` within bounds; the sum may need 33 bits."""
    return np.int32(min(max(value, np.int32(low - zero)), np.int32(high - zero)) + zero)


@njit(cache=True, nogil=True, error_model="numpy")
def rounding_divide(values, exponent):
    """``_divide`` of each of the int32 ``values``; ``exponent`` is int32."""
    result = np.empty_like(values)
    for i in range(len(values)):
        result[i] = _divide(values[i], exponent)
    return result


@njit(cache=True, nogil=True, error_model="numpy")
def finish(acc, params, post, second, table, results):
    """Put the results of accumulators into ``results``, int8 of the shape of ``acc``.

    ``acc`` is int32 or float32 ``[outer, values]``. ``params`` are biases, multipliers, left shifts
    and right shifts, int32 ``[outer, channels]``; the values are of these channels, again and
    again. ``post`` has the values of POST_FIELDS; ``second``, the second operand, is shaped like
    ``acc``. It and ``table``, of 256 results, are read where ``post`` says so.
    """
    (once, zero, low, high, residual, add_left) = post[:6]
    (a_offset, a_multiplier, a_right, b_offset, b_multiplier, b_right) = post[6:12]
    (sum_multiplier, sum_right, add_zero, add_min, add_max, tabled) = post[12:]
    add_left, a_right = np.int32(add_left), np.int32(a_right)
    b_right, sum_right, unshifted = np.int32(b_right), np.int32(sum_right), np.int32(0)
    biases, multipliers, lefts, rights = params
    channels = biases.shape[1]
    values = np.empty(channels, np.int32)
    for outer in range(acc.shape[0]):
        bias, multiplier = biases[outer], multipliers[outer]
        left, right = lefts[outer], rights[outer]
        for first in range(0, acc.shape[1], channels):
            count = min(channels, acc.shape[1] - first)
            sums = acc[outer, first : first + count]
            if once:
                for c in range(count):
                    value = np.int32(np.int32(sums[c]) + bias[c])
                    scaled = _rescale_once(value, left[c], np.int64(multiplier[c]), right[c])
                    values[c] = _clamped(scaled, zero, low, high)
            else:
                for c in range(count):
                    value = np.int32(np.int32(sums[c]) + bias[c])
                    scaled = _rescale(value, left[c], np.int64(multiplier[c]), right[c])
                    values[c] = _clamped(scaled, zero, low, high)
            if residual:
                other = second[outer, first : first + count]
                for c in range(count):
                    a = _rescale(np.int32(values[c] + a_offset), add_left, a_multiplier, a_right)
                    b = _rescale(np.int32(other[c] + b_offset), add_left, b_multiplier, b_right)
                    total = _rescale(np.int32(a + b), unshifted, sum_multiplier, sum_right)
                    values[c] = _clamped(total, add_zero, add_min, add_max)
            result = results[outer, first : first + count]
            if tabled:
                for c in range(count):
                    result[c] = table[values[c] + 128]
            else:
                for c in range(count):
                    result[c] = np.int8(values[c])
