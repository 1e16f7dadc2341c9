"""Average and maximum pooling on int8 values, which keep the input's scale and zero point.

Source: TFLite ``reference/integer_ops/pooling.h``.
"""

from __future__ import annotations

import numpy as np

from golden.conv import NO_PADDING
from golden.quant import RANGES, QParams, activation_range
from golden.window import Padding, Pair, pad_spatial, taps


def divide_half_away(x: np.ndarray, divisor: np.ndarray | int) -> np.ndarray:
    """``x / divisor`` rounded to nearest, ties away from zero, for a positive ``divisor``."""
    quotient: np.ndarray = np.sign(x) * ((np.abs(x) + divisor // 2) // divisor)
    return quotient


def avg_pool2d(
    x: np.ndarray,
    y_quant: QParams,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    count_include_pad: bool = False,
    activation: str = "none",
) -> np.ndarray:
    """The mean over each window of ``x`` (NHWC), rounded to nearest, ties away from zero.

    The stored values are averaged as they are, zero point included. Padding is left out of sum and
    divisor, as in TFLite; with ``count_include_pad`` it counts as the zero point, and the divisor
    is the whole window, as in ONNX. Raises ValueError if a window holds nothing but padding that
    does not count.
    """
    value = y_quant.zero_point if count_include_pad else 0
    ones = np.ones((1, *x.shape[1:3], 1), np.int64)
    padded = pad_spatial(x.astype(np.int64), padding, value)
    total = np.sum([plane for _, _, plane in taps(padded, kernel, stride)], axis=0)
    marks = pad_spatial(ones, padding, int(count_include_pad))
    count = np.sum([plane for _, _, plane in taps(marks, kernel, stride)], axis=0)
    if not np.all(count):
        raise ValueError(f"a window of {kernel} lies wholly in the padding {padding}")
    low, high = activation_range(activation, y_quant)
    mean: np.ndarray = np.clip(divide_half_away(total, count), low, high)
    return mean.astype(x.dtype)


def max_pool2d(
    x: np.ndarray,
    y_quant: QParams,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    dilation: Pair = (1, 1),
    activation: str = "none",
) -> np.ndarray:
    """The largest value in each window of ``x`` (NHWC); padding never wins.

    TFLite has no ``dilation``: it is ONNX's. A window that lies wholly in the padding gives the
    type's smallest value.
    """
    padded = pad_spatial(x, padding, RANGES[y_quant.dtype][0])
    largest = np.max([plane for _, _, plane in taps(padded, kernel, stride, dilation)], axis=0)
    low, high = activation_range(activation, y_quant)
    clamped: np.ndarray = np.clip(largest, low, high)
    return clamped.astype(x.dtype)
