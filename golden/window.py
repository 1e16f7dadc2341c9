"""The geometry of sliding windows over NHWC maps: padding, strides, dilation, output sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Pair = tuple[int, int]
Padding = tuple[int, int, int, int]


def output_size(size: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    """Number of windows along one dimension; windows lie wholly inside the padded map.

    Raises ValueError if not one fits.
    """
    span = (kernel - 1) * dilation + 1
    room = size + before + after - span
    if room < 0:
        raise ValueError(
            f"a window of {span} does not fit {size} pixels padded by {before} and {after}"
        )
    return room // stride + 1


def pad_spatial(x: np.ndarray, padding: Padding, value: int) -> np.ndarray:
    """``x`` (NHWC) with ``padding`` (top, bottom, left, right) pixels of ``value`` around it."""
    top, bottom, left, right = padding
    width = ((0, 0), (top, bottom), (left, right), (0, 0))
    return np.pad(x, width, constant_values=value)


def taps(
    padded: np.ndarray, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)
) -> Iterator[tuple[int, int, np.ndarray]]:
    """``(i, j, plane)`` for each tap of the window, row by row.

    ``padded`` is an NHWC map with its padding already in place; ``plane`` holds the pixel under tap
    ``(i, j)`` of every window, shape ``[N, H_out, W_out, C]``.
    """
    height, width = padded.shape[1:3]
    out_h = output_size(height, kernel[0], stride[0], dilation[0], 0, 0)
    out_w = output_size(width, kernel[1], stride[1], dilation[1], 0, 0)
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            top, left = i * dilation[0], j * dilation[1]
            rows = slice(top, top + (out_h - 1) * stride[0] + 1, stride[0])
            columns = slice(left, left + (out_w - 1) * stride[1] + 1, stride[1])
            yield i, j, padded[:, rows, columns]
