import numpy as np
import pytest

from golden.fixed import (
    INT32_MAX,
    INT32_MIN,
    c_round,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    saturating_shift_left,
    wrap32,
)
from tests.golden.layers import seeds


def gemmlowp_high_mul(a, b):
    """gemmlowp's C++ line by line, in Python integers; int() truncates as C++ division does."""
    if a == b == INT32_MIN:
        return INT32_MAX
    product = a * b
    nudge = (1 << 30) if product >= 0 else 1 - (1 << 30)
    quotient = abs(product + nudge) >> 31
    return quotient if product + nudge >= 0 else -quotient


def gemmlowp_divide(x, exponent):
    mask = (1 << exponent) - 1
    remainder = x & mask
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if remainder > threshold else 0)


EDGES = [INT32_MIN, INT32_MIN + 1, -(1 << 30), -3, -2, -1, 0, 1, 2, 3, 1 << 30, INT32_MAX]


@pytest.mark.parametrize("seed", seeds(1))
def test_high_mul_equals_gemmlowp(seed):
    rng = np.random.default_rng(seed)
    values = EDGES + rng.integers(INT32_MIN, INT32_MAX, 60, endpoint=True).tolist()
    a, b = (m.ravel() for m in np.meshgrid(values, values))
    expected = [gemmlowp_high_mul(int(x), int(y)) for x, y in zip(a, b, strict=True)]
    np.testing.assert_array_equal(saturating_rounding_doubling_high_mul(a, b), expected)


def test_high_mul_ties_go_up():
    half = 1 << 30
    products = saturating_rounding_doubling_high_mul([1, -1, 3, -3], half)
    np.testing.assert_array_equal(products, [1, 0, 2, -1])


def test_high_mul_saturates_only_at_the_smallest_square():
    assert saturating_rounding_doubling_high_mul(INT32_MIN, INT32_MIN) == INT32_MAX
    assert saturating_rounding_doubling_high_mul(INT32_MIN, INT32_MAX) == -INT32_MAX


@pytest.mark.parametrize("seed", seeds(1))
def test_divide_equals_gemmlowp(seed):
    rng = np.random.default_rng(seed)
    values = EDGES + rng.integers(INT32_MIN, INT32_MAX, 200, endpoint=True).tolist()
    for exponent in range(32):
        expected = [gemmlowp_divide(x, exponent) for x in values]
        np.testing.assert_array_equal(rounding_divide_by_pot(values, exponent), expected)


def test_divide_ties_go_away_from_zero():
    x = [-6, -5, -3, -2, -1, 1, 2, 3, 5, 6]
    np.testing.assert_array_equal(rounding_divide_by_pot(x, 2), [-2, -1, -1, -1, 0, 0, 1, 1, 1, 2])


def test_divide_by_the_largest_power():
    x = [INT32_MIN, INT32_MIN + 1, -(1 << 30), 1 - (1 << 30), (1 << 30) - 1, 1 << 30, INT32_MAX]
    np.testing.assert_array_equal(rounding_divide_by_pot(x, 31), [-1, -1, -1, 0, 0, 1, 1])


@pytest.mark.parametrize("exponent", [-1, 32])
def test_divide_rejects_other_exponents(exponent):
    with pytest.raises(ValueError, match="exponent must be 0 to 31"):
        rounding_divide_by_pot(1, exponent)


def test_two_roundings_differ_from_one():
    # 1.25 rounds to 1 at once, but to 1.5 and then to 2 in two steps.
    assert multiply_by_quantized_multiplier(5, 1 << 30, -1) == 2


def test_left_shift_drops_what_leaves_32_bits():
    x = np.array([1, -1, 2, 3, INT32_MAX])
    np.testing.assert_array_equal(
        multiply_by_quantized_multiplier(x, 1 << 30, 31),
        [-(1 << 30), -(1 << 30), 0, -(1 << 30), -(1 << 30)],
    )


def test_multiplier_and_shift_apply_per_channel():
    x = np.full((2, 3), 100)
    y = multiply_by_quantized_multiplier(x, np.array([1 << 30, 0, INT32_MAX]), np.array([1, 0, -2]))
    np.testing.assert_array_equal(y, [[100, 0, 25]] * 2)


@pytest.mark.parametrize("shift", [-32, 32])
def test_multiply_rejects_other_shifts(shift):
    with pytest.raises(ValueError, match="shift must be -31 to 31"):
        multiply_by_quantized_multiplier(1, 1 << 30, shift)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (0.75, (3 << 29, 0)),
        (1 - 2.0**-33, (1 << 30, 1)),
        (1 - 2.0**-32, (1 << 30, 1)),
        (1 - 1.5 * 2.0**-32, (INT32_MAX, 0)),
        (2.0**-32, (1 << 30, -31)),
        (2.0**-32 * 0.99, (0, 0)),
        (2.0**30, (1 << 30, 31)),
    ],
)
def test_quantize_multiplier(real, expected):
    assert quantize_multiplier(real) == expected


def test_quantize_multiplier_rounds_ties_away():
    assert quantize_multiplier(0.5 + 2.0**-32)[0] == (1 << 30) + 1


@pytest.mark.parametrize("real", [-1.0, float("inf"), float("nan")])
def test_quantize_multiplier_rejects(real):
    with pytest.raises(ValueError, match="finite and not negative"):
        quantize_multiplier(real)


def test_c_round():
    values = [-2.5, -1.5, -0.5, -0.49999999999999994, 0.49999999999999994, 0.5, 1.5, 2.5]
    assert [c_round(x) for x in values] == [-3, -2, -1, 0, 0, 1, 2, 3]


def test_wrap_and_saturate():
    values = [INT32_MAX + 1, INT32_MIN - 1, (1 << 32) + 5, -7]
    np.testing.assert_array_equal(wrap32(values), [INT32_MIN, INT32_MAX, 5, -7])
    np.testing.assert_array_equal(
        saturating_shift_left([1 << 28, 1 << 29, -(1 << 29), -(1 << 28)], 2),
        [1 << 30, INT32_MAX, INT32_MIN, -(1 << 30)],
    )
