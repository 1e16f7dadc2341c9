"""Layer normalisation of int8 values, in float64.

For a pixel's n stored values q, with ``S1 = sum(q)``, ``S2 = sum(q**2)`` and the input's scale s,
the mean and the variance of the real values are ``s * (S1 / n - zero point)`` and
``s**2 * (n * S2 - S1**2) / n**2``. So

    (x - mean) / sqrt(variance + epsilon)
        = (n * q - S1) / sqrt(n * S2 - S1**2 + epsilon * n**2 / s**2)

where all sums are exact integers: the result is the same on every machine. Source of the formula:
Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450, with gamma and beta per channel.
"""

from __future__ import annotations

import numpy as np

from golden.quant import RANGES, QParams, as_float32, clamp, round_half_away


def layer_norm(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    x_quant: QParams,
    y_quant: QParams,
    epsilon: float = 1e-5,
) -> np.ndarray:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` over the last axis, in y's type.

    ``x`` is int8, ``gamma`` and ``beta`` are float32 of one value per channel. Results are rounded
    to nearest steps, ties away from zero, and saturated.
    """
    q, n = x.astype(np.int64), x.shape[-1]
    total = q.sum(axis=-1, keepdims=True)
    squares = n * (q * q).sum(axis=-1, keepdims=True) - total * total
    floor = epsilon * n**2 / as_float32(x_quant.scale) ** 2
    spread = np.sqrt(np.maximum(squares + floor, np.finfo(np.float64).tiny))
    normal = (n * q - total) / spread
    real = normal * gamma.astype(np.float64) + beta.astype(np.float64)
    low, high = RANGES[y_quant.dtype]
    steps = np.clip(real / as_float32(y_quant.scale), low - high, high - low)
    return clamp(round_half_away(steps), y_quant)
