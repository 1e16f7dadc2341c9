"""Products of two activations as matrices.

Source: TFLite ``reference/batch_matmul.h`` and ``kernels/batch_matmul.cc``.
"""

from __future__ import annotations

import numpy as np

from golden.fixed import multiply_by_quantized_multiplier, quantize_multiplier, wrap32
from golden.quant import QParams, as_float32, clamp


def matmul(
    a: np.ndarray,
    b: np.ndarray,
    a_quant: QParams,
    b_quant: QParams,
    y_quant: QParams,
    transpose_a: bool = False,
    transpose_b: bool = False,
) -> np.ndarray:
    """``a @ b`` over the last two axes, the others broadcast; requantised in two roundings.

    ``transpose_a`` and ``transpose_b`` exchange the last two axes of an operand first.
    """
    left = a.astype(np.float64) - a_quant.zero_point
    right = b.astype(np.float64) - b_quant.zero_point
    left = left.swapaxes(-1, -2) if transpose_a else left
    right = right.swapaxes(-1, -2) if transpose_b else right
    # Products below 2**16 and at most 2**28 of them: float64 is exact.
    total = wrap32((left @ right).astype(np.int64))
    scale = as_float32(a_quant.scale) * as_float32(b_quant.scale) / as_float32(y_quant.scale)
    scaled = multiply_by_quantized_multiplier(total, *quantize_multiplier(scale))
    return clamp(scaled, y_quant)
