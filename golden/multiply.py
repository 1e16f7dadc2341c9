"""Products of feature maps.

Source: TFLite ``reference/integer_ops/mul.h``.
"""

from __future__ import annotations

import math

import numpy as np

from golden.fixed import multiply_by_quantized_multiplier
from golden.quant import QParams, clamp, mul_multiplier


def mul(
    a: np.ndarray,
    b: np.ndarray,
    a_quant: QParams,
    b_quant: QParams,
    y_quant: QParams,
    activation: str = "none",
) -> np.ndarray:
    """``a * b`` in the output's scale: the product of the integers, requantised in two roundings.

    The shapes are equal, or one of the arrays has one value per channel, ``[1, ..., 1, C]``, for
    all pixels of the other. Raises ValueError otherwise.
    """
    if a.shape != b.shape and not (_per_channel(a, b) or _per_channel(b, a)):
        raise ValueError(
            f"a and b must have the same shape or one of them a value per channel, not {a.shape} "
            f"and {b.shape}"
        )
    product = (a.astype(np.int64) - a_quant.zero_point) * (b.astype(np.int64) - b_quant.zero_point)
    multiplier, shift = mul_multiplier(a_quant.scale, b_quant.scale, y_quant.scale)
    scaled = multiply_by_quantized_multiplier(product, multiplier, shift)
    return clamp(scaled, y_quant, activation)


def _per_channel(large: np.ndarray, small: np.ndarray) -> bool:
    return large.ndim == small.ndim and math.prod(small.shape) == small.shape[-1] == large.shape[-1]
