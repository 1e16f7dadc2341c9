"""Operators that treat each value on its own: add, concatenation, quantize, pad, reshape.

Sources: TFLite ``reference/integer_ops/add.h``, ``reference/concatenation.h`` and
``reference/requantize.h``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from golden.fixed import multiply_by_quantized_multiplier
from golden.quant import QParams, add_params, clamp, requantize_multiplier
from golden.window import Padding, pad_spatial


def add(
    a: np.ndarray,
    b: np.ndarray,
    a_quant: QParams,
    b_quant: QParams,
    y_quant: QParams,
    activation: str = "none",
) -> np.ndarray:
    """``a + b`` in the output's scale: both operands rescaled and rounded, then their sum.

    Raises ValueError if the shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"a and b must have the same shape, not {a.shape} and {b.shape}")
    params = add_params(a_quant.scale, b_quant.scale, y_quant.scale)
    scaled_a = multiply_by_quantized_multiplier(
        (a.astype(np.int64) - a_quant.zero_point) << params.left_shift,
        params.a_multiplier,
        params.a_shift,
    )
    scaled_b = multiply_by_quantized_multiplier(
        (b.astype(np.int64) - b_quant.zero_point) << params.left_shift,
        params.b_multiplier,
        params.b_shift,
    )
    scaled = multiply_by_quantized_multiplier(
        scaled_a + scaled_b, params.y_multiplier, params.y_shift
    )
    return clamp(scaled, y_quant, activation)


def concatenation(
    arrays: Sequence[np.ndarray], quants: Sequence[QParams], y_quant: QParams
) -> np.ndarray:
    """The channels of all arrays one after another, each array as ``quantize`` makes it.

    TFLite accepts equal scales and zero points only, which leave the values as they are.
    """
    moved = [quantize(x, quant, y_quant) for x, quant in zip(arrays, quants, strict=True)]
    return np.concatenate(moved, axis=-1)


def quantize(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """int8 or uint8 values in the type and with the parameters of ``y_quant``."""
    multiplier, shift = requantize_multiplier(x_quant.scale, y_quant.scale)
    scaled = multiply_by_quantized_multiplier(
        x.astype(np.int64) - x_quant.zero_point, multiplier, shift
    )
    return clamp(scaled, y_quant)


def pad(
    x: np.ndarray, y_quant: QParams, padding: Padding, channel_padding: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """``x`` (NHWC) with (top, bottom, left, right) pixels of the zero point around it.

    ``channel_padding`` channels of it come before and after.
    """
    padded = pad_spatial(x, padding, y_quant.zero_point)
    width = ((0, 0), (0, 0), (0, 0), channel_padding)
    return np.pad(padded, width, constant_values=y_quant.zero_point)


def reshape(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The values of ``x``, in order, in another shape."""
    return x.reshape(tuple(shape))
