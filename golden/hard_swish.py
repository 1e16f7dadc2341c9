"""``x * relu6(x + 3) / 6`` in 16-bit fixed point.

Sources: TFLite ``reference/hard_swish.h`` and ``HardSwishPrepare`` in ``kernels/activations.cc``;
gemmlowp ``fixedpoint/fixedpoint.h`` for the 16-bit operations.
"""

from __future__ import annotations

import numpy as np

from golden.fixed import quantize_multiplier, rounding_divide_by_pot
from golden.quant import RANGES, QParams, clamp

_INT16_MIN, _INT16_MAX = RANGES["int16"]

#: Fraction bits that the input gains, which fill 16 bits.
_HIRES_BITS = 7


def hard_swish(x: np.ndarray, x_quant: QParams, y_quant: QParams) -> np.ndarray:
    """int8 values of ``x * relu6(x + 3) / 6``, shaped as int8 ``x``.

    Raises ValueError where the output is more than 128 times finer than the input, which TFLite
    refuses too.
    """
    hires_scale = np.float32(1 / (1 << _HIRES_BITS)) * np.float32(x_quant.scale)
    multiplier, exponent = _multiplier16(hires_scale, np.float32(y_quant.scale))
    if exponent > 0:
        raise ValueError(
            f"y_scale must be at least 1/128 of x_scale {x_quant.scale!r}, not {y_quant.scale!r}"
        )
    hires = (x.astype(np.int64) - x_quant.zero_point) << _HIRES_BITS
    preshift = _rounding_high_mul(hires, multiplier)
    product = _truncating_high_mul(_share(hires, hires_scale), preshift)
    steps = rounding_divide_by_pot(product, min(-exponent, 31))
    return clamp(steps, y_quant)


def _share(hires: np.ndarray, scale: np.float32) -> np.ndarray:
    """``relu6(x + 3) / 6`` with 15 fraction bits: x is scaled so that 3 is 2**15, then moved."""
    multiplier, exponent = _multiplier16(scale, np.float32(3 / 32768))
    value = hires
    if exponent > 0:
        value = _saturate16(value << min(exponent - 1, 31))
    value = _rounding_high_mul(value, multiplier)
    if exponent > 0:
        value = _saturate16(value << 1)
    if exponent < 0:
        value = rounding_divide_by_pot(value, min(-exponent, 31))
    return (value + (1 << 15)) >> 1


def _multiplier16(scale: np.float32, unit: np.float32) -> tuple[int, int]:
    """A Q15 multiplier and an exponent: ``scale / unit``, divided in float32, is about
    ``multiplier * 2**(exponent - 15)``."""
    with np.errstate(over="ignore"):
        multiplier, exponent = quantize_multiplier(float(scale / unit))
    return min((multiplier + (1 << 15)) >> 16, _INT16_MAX), exponent


def _saturate16(x: np.ndarray) -> np.ndarray:
    saturated: np.ndarray = np.clip(x, _INT16_MIN, _INT16_MAX)
    return saturated


def _rounding_high_mul(a: np.ndarray, b: int) -> np.ndarray:
    """``a * b / 2**15`` to nearest, ties up, for int16 (SaturatingRoundingDoublingHighMul)."""
    return _saturate16((a * b + (1 << 14)) >> 15)


def _truncating_high_mul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``a * b / 2**15`` towards zero, for int16 (SaturatingDoublingHighMul)."""
    product = a * b
    return _saturate16(np.sign(product) * (np.abs(product) >> 15))
