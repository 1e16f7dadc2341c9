"""Convolution, depthwise convolution and fully connected layers on int8 values.

Each layer is two steps: exact int32 accumulators, then their rescaling. LiteRT's reference kernels
rescale convolutions in integers, with two roundings, and fully connected layers in float64, with
one. Sources: the TFLite int8 quantisation specification; LiteRT ``reference/integer_ops``
``conv.h``, ``depthwise_conv.h`` and ``fully_connected.h``.
"""

from __future__ import annotations

import numpy as np

from golden.fixed import multiply_by_quantized_multiplier, saturate32
from golden.quant import QParams, clamp, conv_multipliers, effective_scales, round_half_away
from golden.window import Padding, Pair, pad_spatial, taps

NO_PADDING: Padding = (0, 0, 0, 0)


def requantize(
    accumulators: np.ndarray,
    multipliers: np.ndarray,
    shifts: np.ndarray,
    y_quant: QParams,
    activation: str = "none",
) -> np.ndarray:
    """int32 accumulators (channels last) as stored output values of ``y_quant.dtype``.

    ``multipliers`` (Q31) and ``shifts`` have one entry per channel, or one for all. The zero point
    is added after the rounding, then the fused activation's range clamps.
    """
    scaled = multiply_by_quantized_multiplier(accumulators, multipliers, shifts)
    return clamp(scaled, y_quant, activation)


def requantize_float64(
    accumulators: np.ndarray, scales: np.ndarray, y_quant: QParams, activation: str = "none"
) -> np.ndarray:
    """int32 accumulators (channels last) as stored output values, scaled in float64.

    ``scales`` holds output steps per unit of the accumulator, one per channel or one for all. One
    rounding to nearest, ties away from zero; otherwise as ``requantize``.
    """
    scaled = round_half_away(accumulators.astype(np.float64) * scales)
    return clamp(saturate32(scaled), y_quant, activation)


def conv2d_accumulators(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_zero_point: int,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    groups: int = 1,
) -> np.ndarray:
    """int32 sums of ``(x - x_zero_point) * weights`` plus ``bias``, ``[N, H_out, W_out, C_out]``.

    ``x`` is ``[N, H, W, C_in]``, ``weights`` ``[C_out, K_h, K_w, C_in / groups]``, ``bias`` int32
    ``[C_out]`` in units of ``x_scale * weight_scale``. ``padding`` is (top, bottom, left, right)
    pixels of the zero point. Sums that leave 32 bits wrap. Raises ValueError if shapes disagree.
    """
    outputs, height, width, depth = weights.shape
    if groups < 1 or outputs % groups or x.shape[3] != depth * groups:
        raise ValueError(
            f"weights {weights.shape} and groups {groups} do not fit an input of {x.shape}"
        )
    # Every product and every sum of C_in products is an integer below 2**53, so float64 is exact.
    padded = pad_spatial(x, padding, x_zero_point).astype(np.float64) - x_zero_point
    kernel = weights.astype(np.float64)
    per_group = outputs // groups
    total = np.zeros((), np.int64)
    for i, j, plane in taps(padded, (height, width), stride, dilation):
        parts = [
            plane[..., g * depth : (g + 1) * depth]
            @ kernel[g * per_group : (g + 1) * per_group, i, j].T
            for g in range(groups)
        ]
        total = total + np.concatenate(parts, axis=-1).astype(np.int64)
    return with_bias(total, bias)


def depthwise_conv2d_accumulators(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_zero_point: int,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    depth_multiplier: int = 1,
) -> np.ndarray:
    """int32 sums of a depthwise convolution, ``[N, H_out, W_out, C_in * depth_multiplier]``.

    ``weights`` is ``[1, K_h, K_w, C_in * depth_multiplier]``; output channel
    ``c * depth_multiplier + j`` reads input channel ``c``. Otherwise as ``conv2d_accumulators``.
    Raises ValueError for weights of another number of channels.
    """
    _, height, width, outputs = weights.shape
    if x.shape[3] * depth_multiplier != outputs:
        raise ValueError(
            f"weights {weights.shape} and depth_multiplier {depth_multiplier} do not fit an input "
            f"of {x.shape}"
        )
    padded = pad_spatial(x, padding, x_zero_point).astype(np.int64) - x_zero_point
    padded = np.repeat(padded, depth_multiplier, axis=3)
    total = np.zeros((), np.int64)
    for i, j, plane in taps(padded, (height, width), stride, dilation):
        total = total + plane * weights[0, i, j].astype(np.int64)
    return with_bias(total, bias)


def fully_connected_accumulators(
    x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None, x_zero_point: int
) -> np.ndarray:
    """int32 sums of a fully connected layer, ``[N, C_out]``.

    ``x`` is flattened to ``[N, C_in]``, ``weights`` is ``[C_out, C_in]``. Where there are several
    rows and the last axis of ``x`` is one, ``x``'s other axes stay. Sums that leave 32 bits
    wrap. Raises ValueError if ``x`` does not divide into rows of ``C_in``.
    """
    if x.size % weights.shape[1]:
        raise ValueError(f"an input of {x.shape} does not divide into rows of {weights.shape[1]}")
    rows = x.reshape(-1, weights.shape[1]).astype(np.float64) - x_zero_point
    total = with_bias((rows @ weights.astype(np.float64).T).astype(np.int64), bias)
    positions = len(rows) > 1 and x.shape[-1] == weights.shape[1]
    return total.reshape(*x.shape[:-1], weights.shape[0]) if positions else total


def conv2d(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_quant: QParams,
    weight_scales: np.ndarray,
    y_quant: QParams,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    groups: int = 1,
    activation: str = "none",
) -> np.ndarray:
    """A convolution with its requantisation; shapes as ``conv2d_accumulators``.

    ``weight_scales`` has one scale, or one per output channel.
    """
    accumulators = conv2d_accumulators(
        x, weights, bias, x_quant.zero_point, stride, dilation, padding, groups
    )
    multipliers, shifts = conv_multipliers(x_quant.scale, weight_scales, y_quant.scale)
    return requantize(accumulators, multipliers, shifts, y_quant, activation)


def depthwise_conv2d(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_quant: QParams,
    weight_scales: np.ndarray,
    y_quant: QParams,
    stride: Pair = (1, 1),
    dilation: Pair = (1, 1),
    padding: Padding = NO_PADDING,
    depth_multiplier: int = 1,
    activation: str = "none",
) -> np.ndarray:
    """A depthwise convolution with its requantisation; as ``depthwise_conv2d_accumulators``.

    ``weight_scales`` has one scale, or one per output channel.
    """
    accumulators = depthwise_conv2d_accumulators(
        x, weights, bias, x_quant.zero_point, stride, dilation, padding, depth_multiplier
    )
    multipliers, shifts = conv_multipliers(x_quant.scale, weight_scales, y_quant.scale)
    return requantize(accumulators, multipliers, shifts, y_quant, activation)


def fully_connected(
    x: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_quant: QParams,
    weight_scales: np.ndarray,
    y_quant: QParams,
    activation: str = "none",
) -> np.ndarray:
    """A fully connected layer with its requantisation; shapes as its accumulators.

    ``weight_scales`` has one scale, or one per output.
    """
    accumulators = fully_connected_accumulators(x, weights, bias, x_quant.zero_point)
    scales = effective_scales(x_quant.scale, weight_scales, y_quant.scale)
    return requantize_float64(accumulators, scales, y_quant, activation)


def with_bias(total: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """int64 sums ``[..., channels]`` plus the int32 bias ``[channels]``, if any.

    The result is int32; what leaves 32 bits wraps.
    """
    if bias is not None:
        total = total + bias.astype(np.int64)
    return total.astype(np.int32)
