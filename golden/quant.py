"""Affine quantisation and the integer parameters that the kernels derive from scales.

``real = scale * (q - zero_point)``. Scales are float32 values (the type in which a .tflite file
holds them) computed on in float64, except where TFLite's own code computes in float32. Arrays have
any shape, which the result keeps. Sources:
the TFLite int8 quantisation specification; TFLite ``kernels/kernel_util.cc``, ``kernels/add.cc``
and ``kernels/quantize.cc``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from golden.fixed import INT32_MAX, INT32_MIN, quantize_multiplier

#: Smallest and largest value of each stored type.
RANGES = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "int32": (INT32_MIN, INT32_MAX),
}

#: Left shift of an addition's operands, which keeps their fraction through the rescaling.
ADD_LEFT_SHIFT = 20

#: Real bounds of each fused activation; None leaves that end to the stored type.
ACTIVATION_BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "none": (None, None),
    "relu": (0.0, None),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
    "relu_0_to_1": (0.0, 1.0),
}


@dataclass(frozen=True)
class QParams:
    """Per-tensor quantisation of an activation: scale (real units per step), zero point, type."""

    scale: float
    zero_point: int
    dtype: str = "int8"

    def __post_init__(self) -> None:
        if self.dtype not in RANGES:
            raise ValueError(f"dtype must be one of {', '.join(RANGES)}, not {self.dtype!r}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale must be finite and positive, not {self.scale!r}")
        low, high = RANGES[self.dtype]
        if not low <= self.zero_point <= high:
            raise ValueError(f"zero_point must be {low} to {high}, not {self.zero_point!r}")


@dataclass(frozen=True)
class AddParams:
    """Integer parameters of an addition: a Q31 multiplier and a shift per operand and output."""

    a_multiplier: int
    a_shift: int
    b_multiplier: int
    b_shift: int
    y_multiplier: int
    y_shift: int
    left_shift: int = ADD_LEFT_SHIFT


def as_float32(scale: float) -> float:
    """``scale`` rounded to float32, as a Python float."""
    return float(np.float32(scale))


def round_half_away(x: np.ndarray) -> np.ndarray:
    """``x`` rounded to the nearest integers, ties away from zero, in ``x``'s own type."""
    magnitude = np.abs(x)
    whole = np.floor(magnitude)
    rounded: np.ndarray = np.copysign(whole + (magnitude - whole >= 0.5), x)
    return rounded


def quantize(
    real: ArrayLike, qparams: QParams, rounding: Callable[..., np.ndarray] = round_half_away
) -> np.ndarray:
    """Real values as ``qparams.dtype``: divided by the scale in float32, rounded, saturated.

    Not-a-number becomes the zero point. Source: TFLite ``reference_ops::AffineQuantize``; ONNX's
    QuantizeLinear has ``numpy.rint`` as its rounding.
    """
    steps = _steps(np.nan_to_num(np.asarray(real, np.float64), nan=0.0), qparams.scale, rounding)
    return clamp(steps, qparams)


def _steps(
    real: ArrayLike, scale: float, rounding: Callable[..., np.ndarray] = round_half_away
) -> np.ndarray:
    """``real / scale`` by a float32 division, rounded; beyond ``2**40`` steps it stays there."""
    # Of float32 operands, a float64 quotient rounded to float32 is the float32 quotient.
    limit = np.finfo(np.float32).max
    operand = np.clip(real, -limit, limit).astype(np.float32).astype(np.float64)
    quotient = np.clip(operand / as_float32(scale), -(2.0**40), 2.0**40)
    return rounding(quotient.astype(np.float32)).astype(np.int64)


def dequantize(q: ArrayLike, qparams: QParams) -> np.ndarray:
    """Stored values as real ones, float32. Source: TFLite ``reference_ops::Dequantize``."""
    steps = np.asarray(q, np.int64) - qparams.zero_point
    return (np.float64(as_float32(qparams.scale)) * steps).astype(np.float32)


def activation_range(activation: str, qparams: QParams) -> tuple[int, int]:
    """Smallest and largest stored value after a fused activation, in the output's own steps.

    A bound is divided by the scale in float32 and rounded. Source: TFLite
    ``CalculateActivationRangeQuantized``. Raises ValueError for an activation that is not known.
    """
    if activation not in ACTIVATION_BOUNDS:
        known = ", ".join(ACTIVATION_BOUNDS)
        raise ValueError(f"activation must be one of {known}, not {activation!r}")
    low, high = RANGES[qparams.dtype]
    real_low, real_high = ACTIVATION_BOUNDS[activation]
    if real_low is not None:
        low = max(low, int(_steps(real_low, qparams.scale)) + qparams.zero_point)
    if real_high is not None:
        high = min(high, int(_steps(real_high, qparams.scale)) + qparams.zero_point)
    return low, high


def clamp(steps: np.ndarray, y_quant: QParams, activation: str = "none") -> np.ndarray:
    """Integers in the output's steps as its stored values, cut to ``activation_range``."""
    low, high = activation_range(activation, y_quant)
    stored: np.ndarray = np.clip(steps + y_quant.zero_point, low, high)
    return stored.astype(y_quant.dtype)


def effective_scales(
    x_scale: float, weight_scales: Sequence[float] | np.ndarray, y_scale: float
) -> np.ndarray:
    """``x_scale * weight_scale / y_scale`` in float64, one per weight scale.

    Output steps per unit of the accumulator. Source: TFLite
    ``PopulateConvolutionQuantizationParams`` and ``reference/integer_ops/fully_connected.h``.
    """
    weights = np.asarray(weight_scales, np.float32).astype(np.float64).reshape(-1)
    return as_float32(x_scale) * weights / as_float32(y_scale)


def conv_multipliers(
    x_scale: float, weight_scales: Sequence[float] | np.ndarray, y_scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Q31 multipliers and shifts of ``effective_scales``, one of each per weight scale."""
    pairs = [quantize_multiplier(r) for r in effective_scales(x_scale, weight_scales, y_scale)]
    multipliers, shifts = np.array(pairs, np.int64).T
    return multipliers, shifts


def requantize_multiplier(x_scale: float, y_scale: float) -> tuple[int, int]:
    """Q31 multiplier and shift of ``x_scale / y_scale``. Source: TFLite ``kernels/quantize.cc``."""
    return quantize_multiplier(as_float32(x_scale) / as_float32(y_scale))


def add_params(a_scale: float, b_scale: float, y_scale: float) -> AddParams:
    """Integer parameters of ``a + b``: operands over twice the larger scale, the sum over ``y``'s.

    Raises ValueError where the sum's multiplier is 1 or more (``y_scale`` at most ``2**-19`` of
    the larger operand's), which TFLite refuses too. Source: TFLite ``kernels/add.cc``.
    """
    a_scale, b_scale, y_scale = map(as_float32, (a_scale, b_scale, y_scale))
    twice_max = 2.0 * max(a_scale, b_scale)
    y_multiplier, y_shift = quantize_multiplier(twice_max / ((1 << ADD_LEFT_SHIFT) * y_scale))
    if y_shift > 0:
        raise ValueError(f"y_scale must be above {twice_max / 2**20!r}, not {y_scale!r}")
    return AddParams(
        *quantize_multiplier(a_scale / twice_max),
        *quantize_multiplier(b_scale / twice_max),
        y_multiplier,
        y_shift,
    )


def mul_multiplier(a_scale: float, b_scale: float, y_scale: float) -> tuple[int, int]:
    """Q31 multiplier and shift of ``a_scale * b_scale / y_scale``, product and quotient in float32.

    Source: TFLite ``kernels/mul.cc``.
    """
    product = np.float32(a_scale) * np.float32(b_scale)
    return quantize_multiplier(float(product / np.float32(y_scale)))


def mean_multiplier(x_scale: float, y_scale: float, count: int) -> tuple[int, int]:
    """Multiplier and shift of ``x_scale / (y_scale * count)`` for a sum of ``count`` values.

    The Q31 multiplier of the scales is shifted left by the whole part of ``log2(count)``, at most
    so far that the shift stays -31 or more, and divided by ``count``; the quotient is cut off.
    Source: TFLite ``kernels/reduce.cc`` and ``QuantizedMeanOrSum`` of ``reference/reduce.h``.
    """
    multiplier, shift = requantize_multiplier(x_scale, y_scale)
    left = min(count.bit_length() - 1, 31 + shift)
    return (multiplier << left) // count, shift - left
