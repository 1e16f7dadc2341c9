"""Integer parameters of the post-processor for each operator.

Sources: golden.quant for the multipliers; the TFLite reference kernels for the formulas. EXECUTE
computes ``round_half_away(round(((acc + bias) << left) * multiplier / 2**31) / 2**right)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import UnsupportedError, show
from compiler.hwir.network import Requant
from compiler.ir.graph import Quant
from golden.fixed import wrap32
from golden.quant import (
    QParams,
    add_params,
    mean_multiplier,
    mul_multiplier,
    requantize_multiplier,
)

#: Left shift before the multiplication that loses nothing for windows up to 2**20 pixels.
AVERAGE_LEFT = 3

IDENTITY_MULTIPLIER = 1 << 30


def qparams(quant: Quant, dtype: str = "int8") -> QParams:
    """golden's form of an activation's quantisation."""
    return QParams(float(quant.scale[0]), int(quant.zero_point[0]), dtype)


def split_shift(shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """TFLite's signed shifts as the left and right shifts of the post-processor."""
    return np.maximum(shift, 0), np.maximum(-shift, 0)


def folded_bias(weights: np.ndarray, bias: np.ndarray | None, x_zero_point: int) -> np.ndarray:
    """The bias of a layer whose operands carry their zero point, int64 in int32's range.

    ``weights`` has output channels first. The sum of ``(x - zp) * w`` is that of ``x * w`` minus
    ``zp * sum(w)``, which joins the bias; int32 sums wrap alike.
    """
    if any(weights.strides):
        sums = weights.reshape(len(weights), -1).sum(axis=1, dtype=np.int64)
    else:  # one value, broadcast
        sums = np.full(len(weights), weights.size // len(weights) * int(weights.flat[0]))
    return wrap32((0 if bias is None else bias.astype(np.int64)) - x_zero_point * sums)


def accumulator_limits(
    weights: np.ndarray, bias: np.ndarray | None, low: int, high: int
) -> np.ndarray:
    """Smallest and largest sum of each output channel, bias included, int64 ``[2, channels]``.

    ``low`` and ``high`` are the limits of the operands with their zero point taken off.
    """
    flat = weights.reshape(len(weights), -1)
    up = np.maximum(flat, 0).sum(axis=1, dtype=np.int64)
    down = flat.sum(axis=1, dtype=np.int64) - up
    offset = 0 if bias is None else bias.astype(np.int64)
    limits = np.stack([up * low + down * high, up * high + down * low]) + offset
    return np.clip(limits, -(1 << 31), (1 << 31) - 1)


def conv_requant(
    weights: np.ndarray,
    bias: np.ndarray | None,
    x_zero_point: int,
    multipliers: np.ndarray,
    shifts: np.ndarray,
    where: str,
) -> Requant:
    """Parameters of a convolution with ``weights`` ``[C_out, ...]``; ``multipliers`` and ``shifts``
    are TFLite's, ``[C_out]`` or ``[1]``.

    Raises UnsupportedError, beginning with ``where``, for what the requantiser cannot hold.
    """
    outputs = weights.shape[0]
    total = folded_bias(weights, bias, x_zero_point)
    left, right = split_shift(np.broadcast_to(shifts, (outputs,)))
    if left.max() > 31:
        raise UnsupportedError(
            f"{where}: the output is {show(2.0 ** int(left.max()))} times finer than the product "
            "of the input scales; at most 2**31 is accepted"
        )
    return Requant(total, np.broadcast_to(multipliers, (outputs,)).copy(), left, right)


def constant_requant(
    channels: int,
    bias: int = 0,
    multiplier: int = IDENTITY_MULTIPLIER,
    left: int = 1,
    right: int = 0,
) -> Requant:
    """The same parameters for every channel; by default those of the identity."""
    return Requant(*(np.full(channels, v, np.int64) for v in (bias, multiplier, left, right)))


def average_requant(channels: int, count: int) -> Requant:
    """Parameters that divide a sum of ``count`` int8 values by ``count``, half away from zero.

    The product is ``acc * 2**right / count`` rounded to an integer. A multiplier rounded to
    nearest is off by at most half a unit in 2**31 and ``acc << left`` stays below 2**31, so the
    product is off by less than half a unit before its rounding: exact where ``acc / count`` is
    halfway (the product is then an integer), and on the right side of halfway elsewhere, because
    ``acc / count`` is at least ``1 / (2 * count)`` from it and ``2**right >= 4 * count``.
    """
    right = (count - 1).bit_length() + 2
    scaled = 1 << (31 + right - AVERAGE_LEFT)
    multiplier = (2 * scaled + count) // (2 * count)
    assert IDENTITY_MULTIPLIER <= multiplier < 1 << 31 and count < 1 << 20, count
    return constant_requant(channels, 0, multiplier, AVERAGE_LEFT, right)


def requantize_requant(channels: int, x: QParams, y: QParams, where: str) -> Requant:
    """Parameters that move int8 values from one scale and zero point to another.

    Raises UnsupportedError, beginning with ``where``, for a ratio that it cannot hold.
    """
    multiplier, shift = requantize_multiplier(x.scale, y.scale)
    if shift > 31:
        raise UnsupportedError(
            f"{where}: input scale {x.scale:.6g} is more than 2**31 times the output's "
            f"{y.scale:.6g}; less is accepted"
        )
    return constant_requant(channels, -x.zero_point, multiplier, max(shift, 0), max(-shift, 0))


def product_requant(channels: int, a: QParams, b: QParams, y: QParams, where: str) -> Requant:
    """Parameters that scale products of ``a`` and ``b`` whose zero points are only in the bias.

    Raises UnsupportedError, beginning with ``where``, for a scale that it cannot hold.
    """
    try:
        multiplier, shift = mul_multiplier(a.scale, b.scale, y.scale)
    except ValueError as fault:
        raise UnsupportedError(f"{where}: {fault}") from None
    _check_left_shift(shift, where)
    bias = a.zero_point * b.zero_point
    return constant_requant(channels, bias, multiplier, max(shift, 0), max(-shift, 0))


def mean_requant(channels: int, count: int, x: QParams, y: QParams, where: str) -> Requant:
    """Parameters that scale a sum of ``count`` values of ``x`` to their mean in steps of ``y``."""
    multiplier, shift = mean_multiplier(x.scale, y.scale, count)
    _check_left_shift(shift, where)
    bias = -count * x.zero_point
    return constant_requant(channels, bias, multiplier, max(shift, 0), max(-shift, 0))


def _check_left_shift(shift: int, where: str) -> None:
    if shift > 31:
        raise UnsupportedError(
            f"{where}: the output is {show(2.0**shift)} times finer than what it is computed "
            "from; at most 2**31 is accepted"
        )


def add_fields(
    a: QParams, b: QParams, y: QParams, low: int, high: int, where: str
) -> dict[str, Any]:
    """EXECUTE's fields for ``a + b`` with ``a`` on the way out of the array.

    ``low`` and ``high`` are the sum's clamp. Raises UnsupportedError where TFLite refuses too.
    """
    try:
        params = add_params(a.scale, b.scale, y.scale)
    except ValueError as fault:
        raise UnsupportedError(f"{where}: {fault}") from None
    return {
        "a_offset": -a.zero_point,
        "b_offset": -b.zero_point,
        "add_left": params.left_shift,
        "a_multiplier": params.a_multiplier,
        "a_right": -params.a_shift,
        "b_multiplier": params.b_multiplier,
        "b_right": -params.b_shift,
        "sum_multiplier": params.y_multiplier,
        "sum_right": -params.y_shift,
        "add_zero": y.zero_point,
        "add_min": low,
        "add_max": high,
    }
