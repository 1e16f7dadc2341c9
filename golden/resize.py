"""Resizing of NHWC maps of stored int8 values, which keep the input's scale and zero point.

Sources: TFLite ``reference/resize_nearest_neighbor.h`` and, in ``reference/resize_bilinear.h``,
``ResizeBilinearInteger``.
"""

from __future__ import annotations

import numpy as np

from golden.pool import divide_half_away
from golden.quant import round_half_away
from golden.window import Pair

#: A whole pixel in the fixed-point positions of bilinear resizing.
ONE = 1 << 10


def resize(
    x: np.ndarray,
    mode: str,
    size: Pair,
    align_corners: bool = False,
    half_pixel_centers: bool = False,
) -> np.ndarray:
    """``x`` (NHWC) at ``size`` (height, width) pixels; ``mode`` is ``nearest`` or ``bilinear``.

    Raises ValueError if both ``align_corners`` and ``half_pixel_centers`` are set.
    """
    if align_corners and half_pixel_centers:
        raise ValueError("align_corners and half_pixel_centers must not both be set")
    options = align_corners, half_pixel_centers
    if mode == "nearest":
        rows = nearest_indices(x.shape[1], size[0], *options)
        columns = nearest_indices(x.shape[2], size[1], *options)
        return x[:, rows][:, :, columns]
    wide = x.astype(np.int64)
    top, bottom, down = bilinear_taps(x.shape[1], size[0], *options)
    rows = wide[:, top] * _as_rows(ONE - down) + wide[:, bottom] * _as_rows(down)
    left, right, across = bilinear_taps(x.shape[2], size[1], *options)
    sums = rows[:, :, left] * (ONE - across)[:, None] + rows[:, :, right] * across[:, None]
    return divide_half_away(sums, ONE * ONE).astype(x.dtype)


def nearest_indices(
    size: int, outputs: int, align_corners: bool, half_pixel_centers: bool
) -> np.ndarray:
    """The input pixel of each of ``outputs`` pixels along an axis of ``size``, all in float32."""
    corners = align_corners and outputs > 1
    steps = (size - 1, outputs - 1) if corners else (size, outputs)
    scale = np.float32(steps[0]) / np.float32(steps[1])
    offset = np.float32(0.5 if half_pixel_centers else 0.0)
    position = (np.arange(outputs, dtype=np.float32) + offset) * scale
    whole = round_half_away(position) if align_corners else np.floor(position)
    return np.clip(whole.astype(np.int64), 0, size - 1)


def bilinear_taps(
    size: int, outputs: int, align_corners: bool, half_pixel_centers: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(first, second, weight)`` of each output pixel along an axis of ``size`` pixels.

    An output is the pixel ``first`` times ``ONE - weight`` plus ``second`` times ``weight``. Beyond
    the map's ends both are the same pixel. Where the rounded step leads beyond the last pixel, it
    stands for what TFLite reads beyond the map.
    """
    if align_corners and outputs > 1:
        step = (ONE * (size - 1) + (outputs - 1) // 2) // (outputs - 1)
    else:
        step = (ONE * size + outputs // 2) // outputs
    position = np.arange(outputs, dtype=np.int64) * step
    if half_pixel_centers:
        position += step // 2 - ONE // 2
    first = np.clip(position // ONE, 0, size - 1)
    second = np.clip(-(-position // ONE), 0, size - 1)
    return first, second, position - first * ONE


def _as_rows(weights: np.ndarray) -> np.ndarray:
    return weights[:, None, None]
