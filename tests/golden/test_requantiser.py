"""What a fixed-point requantiser needs in order to equal golden's divisions and float64 products.

The requantiser of a convolution computes ``rounding_divide_by_pot(high_mul(wrap32(acc << left),
multiplier), right)``. Neither it nor what it must equal ever decreases as the accumulator grows,
so that they are equal everywhere if they step at the same accumulators.
"""

import numpy as np
import pytest

from golden.fixed import (
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap32,
)
from golden.pool import divide_half_away
from golden.quant import round_half_away
from tests.golden.layers import seeds

#: Largest number of taps for which the average's parameters are proven.
MAX_TAPS = 1 << 20


def average_multiplier(taps: int) -> tuple[int, int, int]:
    """``(multiplier, left, right)`` that divide a sum of ``taps`` int8 values, ties away from zero.

    With c = ceil(log2(taps)): multiplier = round(2**(30 + c) / taps), left = 3, right = c + 2.
    """
    bits = (taps - 1).bit_length()
    numerator = 1 << (30 + bits)
    return (2 * numerator + taps) // (2 * taps), 3, bits + 2


def requantise(accumulators, multiplier, left, right):
    shifted = wrap32(accumulators << left)
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), right)


def average_steps(taps):
    """The accumulators on both sides of every step of the average, and both ends."""
    outputs = np.arange(-128, 129)
    near = (2 * outputs - 1) * taps // 2
    around = (near[:, None] + np.arange(-2, 3)).ravel()
    return np.unique(np.clip(around, -128 * taps, 127 * taps))


@pytest.mark.parametrize("first", range(1, 301, 50))
def test_average_of_every_accumulator(first):
    for taps in range(first, first + 50):
        accumulators = np.arange(-128 * taps, 127 * taps + 1)
        expected = divide_half_away(accumulators, taps)
        np.testing.assert_array_equal(
            requantise(accumulators, *average_multiplier(taps)), expected, err_msg=f"{taps} taps"
        )


def large_taps():
    powers = [(1 << k) + d for k in range(12, 21) for d in (-1, 0, 1)]
    return [n for n in powers if n <= MAX_TAPS]


def test_average_at_every_step():
    drawn = np.random.default_rng(seeds(1)[0]).integers(4097, MAX_TAPS, 1000).tolist()
    for taps in [*range(1, 4097), *large_taps(), *drawn]:
        accumulators = average_steps(taps)
        expected = divide_half_away(accumulators, taps)
        assert expected[0] == -128 and expected[-1] == 127
        multiplier, left, right = average_multiplier(taps)
        assert 1 << 30 <= multiplier < 1 << 31 and 0 <= right <= 31
        assert 128 * taps << left < 1 << 31
        np.testing.assert_array_equal(
            requantise(accumulators, multiplier, left, right), expected, err_msg=f"{taps} taps"
        )


def rescale_once(accumulators, multiplier, shift):
    """``accumulators * multiplier * 2**(shift - 31)`` in one rounding, ties away from zero."""
    product = np.abs(accumulators) * multiplier
    rounded = (product + (1 << (30 - shift))) >> (31 - shift)
    return np.sign(accumulators) * rounded


def float64_steps(scale):
    """The accumulators around every step of ``round(acc * scale)`` in nine bits and a sign."""
    outputs = np.arange(-256, 257)
    near = np.trunc((outputs - 0.5) / scale).astype(np.int64)
    return np.unique((near[:, None] + np.arange(-2, 3)).ravel())


def float64_multiplier(scale: float) -> tuple[int, int] | None:
    """``(multiplier, shift)`` with which ``rescale_once`` equals float64 wherever int8 can tell.

    The Q31 multiplier nearest to ``scale``, or one of the four on either side of it, or None.
    """
    nearest, shift = quantize_multiplier(scale)
    accumulators = float64_steps(scale)
    expected = round_half_away(accumulators * scale)
    for offset in (0, 1, -1, 2, -2, 3, -3, 4, -4):
        if np.array_equal(rescale_once(accumulators, nearest + offset, shift), expected):
            return nearest + offset, shift
    return None


def test_one_rounding_serves_almost_every_fully_connected_scale():
    scales = 2.0 ** np.random.default_rng(0).uniform(-12, -4, 500)
    assert sum(float64_multiplier(scale) is not None for scale in scales) >= 495


def test_fully_connected_scale_needs_one_rounding():
    # EfficientNet-Lite0's classifier: two roundings differ from float64 at 1 sum in 1000.
    x, w, y = (np.float64(np.float32(s)) for s in (0.0235294122, 0.00381671777, 0.0917498171))
    scale = float(x * w / y)
    accumulators = np.arange(-(1 << 18), 1 << 18)
    expected = round_half_away(accumulators * scale)
    np.testing.assert_array_equal(rescale_once(accumulators, *float64_multiplier(scale)), expected)
    multiplier, shift = quantize_multiplier(scale)
    twice = requantise(accumulators, multiplier, 0, -shift)
    assert 400 < np.count_nonzero(twice != expected) < 700
