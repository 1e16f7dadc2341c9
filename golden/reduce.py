"""Reductions over any axes, which stay with size 1.

Sources: TFLite ``kernels/reduce.cc`` and ``reference/reduce.h``.
"""

from __future__ import annotations

import math

import numpy as np

from golden.fixed import multiply_by_quantized_multiplier
from golden.quant import QParams, clamp, mean_multiplier, requantize_multiplier


def reduce(
    x: np.ndarray, x_quant: QParams, y_quant: QParams, function: str, axes: tuple[int, ...]
) -> np.ndarray:
    """The ``mean``, ``sum``, ``max`` or ``min`` of ``x`` over ``axes``.

    The sum is scaled to the output's steps, for a mean divided at once, in two roundings. Largest
    and smallest values are moved as they are stored. A sum is LiteRT's, which takes int8 values for
    bytes from 0 to 255 and stores such a byte: it is right where all of them are at least 0.
    """
    if function in ("max", "min"):
        found: np.ndarray = (np.max if function == "max" else np.min)(x, axis=axes, keepdims=True)
        return found
    if function == "sum":
        return _sum_of_bytes(x, x_quant, y_quant, axes)
    total = (x.astype(np.int64) - x_quant.zero_point).sum(axis=axes, keepdims=True)
    count = math.prod(x.shape[axis] for axis in axes)
    multiplier, shift = mean_multiplier(x_quant.scale, y_quant.scale, count)
    return clamp(multiply_by_quantized_multiplier(total, multiplier, shift), y_quant)


def _sum_of_bytes(
    x: np.ndarray, x_quant: QParams, y_quant: QParams, axes: tuple[int, ...]
) -> np.ndarray:
    steps = x.view(np.uint8).astype(np.int64) - x_quant.zero_point
    multiplier, shift = requantize_multiplier(x_quant.scale, y_quant.scale)
    total = steps.sum(axis=axes, keepdims=True)
    scaled = multiply_by_quantized_multiplier(total, multiplier, shift)
    stored: np.ndarray = np.clip(scaled + y_quant.zero_point, 0, 255)
    return stored.astype(np.uint8).view(np.int8)


def arg_max(x: np.ndarray, axis: int, smallest: bool = False) -> np.ndarray:
    """Places along ``axis`` of the first largest, or smallest, values, int32; the axis is gone."""
    places: np.ndarray = (np.argmin if smallest else np.argmax)(x, axis=axis)
    return places.astype(np.int32)
