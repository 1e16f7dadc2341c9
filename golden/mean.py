"""The mean over height and width, with its own scale and zero point.

Source: TFLite ``QuantizedMeanOrSum`` of ``reference/reduce.h``.
"""

from __future__ import annotations

import numpy as np

from golden.fixed import multiply_by_quantized_multiplier
from golden.quant import QParams, clamp, mean_multiplier


def mean(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """The mean of ``x`` (NHWC) over height and width, ``[N, 1, 1, C]``.

    The sum is scaled to the output's steps and divided at once, in two roundings.
    """
    total = (x.astype(np.int64) - x_quant.zero_point).sum(axis=(1, 2), keepdims=True)
    multiplier, shift = mean_multiplier(x_quant.scale, y_quant.scale, x.shape[1] * x.shape[2])
    scaled = multiply_by_quantized_multiplier(total, multiplier, shift)
    return clamp(scaled, y_quant)
