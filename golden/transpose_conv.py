"""Transposed convolution on int8 values (NHWC).

Every input pixel spreads over a window of the output.

Source: LiteRT ``reference/integer_ops/transpose_conv.h``.
"""

from __future__ import annotations

import numpy as np

from golden.conv import NO_PADDING, requantize, with_bias
from golden.quant import QParams, conv_multipliers
from golden.window import Padding, Pair


def transpose_conv2d_accumulators(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_zero_point: int,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    output_padding: Pair = (0, 0),
    groups: int = 1,
) -> np.ndarray:
    """int32 sums of a transposed convolution, ``[N, H_out, W_out, C_out]``.

    ``x`` is ``[N, H, W, C_in]``, ``weights`` ``[C_out, K_h, K_w, C_in / groups]``; each group of
    input channels makes as many output channels as any other. Input pixel ``(y, x)`` adds its
    products with tap ``(i, j)`` to ``(y * stride + i, x * stride + j)`` of a map of ``(H - 1) *
    stride + K_h`` rows. ``output_padding`` adds pixels at the bottom and the right, then
    ``padding`` (top, bottom, left, right) is cut off. Every output has ``bias``. Sums that leave 32
    bits wrap. Raises ValueError if shapes disagree.
    """
    outputs, height, width, depth = weights.shape
    if x.shape[3] != depth * groups or outputs % groups:
        raise ValueError(f"weights {weights.shape} do not fit an input of {x.shape}")
    batch, rows, columns, _ = x.shape
    down, across = stride
    full = np.zeros(
        (
            batch,
            (rows - 1) * down + height + output_padding[0],
            (columns - 1) * across + width + output_padding[1],
            outputs,
        ),
        np.int64,
    )
    # Every sum of C_in products is an integer below 2**53, so float64 is exact.
    wide = x.astype(np.float64) - x_zero_point
    wide = wide.reshape(-1, groups, depth).transpose(1, 0, 2)
    kernels = weights.reshape(groups, -1, *weights.shape[1:]).astype(np.float64)
    for i in range(height):
        for j in range(width):
            products = (wide @ kernels[:, :, i, j].transpose(0, 2, 1)).transpose(1, 0, 2)
            products = products.reshape(batch, rows, columns, outputs)
            window = full[:, i : i + (rows - 1) * down + 1 : down]
            window[:, :, j : j + (columns - 1) * across + 1 : across] += products.astype(np.int64)
    top, bottom, left, right = padding
    total = full[:, top : full.shape[1] - bottom, left : full.shape[2] - right]
    return with_bias(total, bias)


def transpose_conv2d(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_quant: QParams,
    weight_scales: np.ndarray,
    y_quant: QParams,
    stride: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    output_padding: Pair = (0, 0),
    groups: int = 1,
    activation: str = "none",
) -> np.ndarray:
    """A transposed convolution with its requantisation; as ``transpose_conv2d_accumulators``.

    ``weight_scales`` has one scale, or one per output channel.
    """
    accumulators = transpose_conv2d_accumulators(
        x, weights, bias, x_quant.zero_point, stride, padding, output_padding, groups
    )
    multipliers, shifts = conv_multipliers(x_quant.scale, weight_scales, y_quant.scale)
    return requantize(accumulators, multipliers, shifts, y_quant, activation)
