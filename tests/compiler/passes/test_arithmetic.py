"""Post-processor parameters against golden's arithmetic, at the edges."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.hwir.network import Requant
from compiler.passes.arithmetic import average_requant, constant_requant
from compiler.passes.exact_scale import InexactError, exact_requant
from compiler.passes.operators import count_classes
from golden.fixed import multiply_by_quantized_multiplier
from golden.pool import divide_half_away
from golden.quant import round_half_away


def post_process(acc: np.ndarray, requant: Requant) -> np.ndarray:
    """The post-processor's value before the zero point, for channel 0."""
    bias, multiplier, left, right = (int(v[0]) for v in vars(requant).values())
    value = (acc.astype(np.int64) + bias) << left
    assert np.all(np.abs(value) < 1 << 31)
    return multiply_by_quantized_multiplier(value, multiplier, -right)


@pytest.mark.parametrize("count", [*range(1, 130), 225, 289, 1023, 4096, 65025])
def test_average_is_exact_over_the_whole_range(count):
    acc = np.arange(-128 * count, 127 * count + 1)
    if len(acc) > 1 << 20:
        halves = (2 * np.arange(-128, 128) + 1) * count // 2
        near = np.unique(halves[:, None] + np.arange(-3, 4))
        acc = near[(near >= acc[0]) & (near <= acc[-1])]
    found = post_process(acc, average_requant(1, count))
    np.testing.assert_array_equal(found, divide_half_away(acc, count))


def post_process_once(acc, requant):
    """What EXECUTE does with ``round_once``, in Python integers."""
    shift = 31 + int(requant.right[0])
    product = [(int(a) << int(requant.left[0])) * int(requant.multiplier[0]) for a in acc]
    rounded = [(abs(p) + (1 << shift - 1) >> shift) * (1 if p > 0 else -1) for p in product]
    return np.array(rounded)


def test_identity():
    values = np.arange(-128, 128)
    np.testing.assert_array_equal(post_process(values, constant_requant(1)), values)


def test_float64_scaling_is_met_or_refused(seed):
    rng = np.random.default_rng(seed)
    met = 0
    for _ in range(40):
        scale = float(np.float32(10 ** rng.uniform(-4, -1)) * rng.uniform(1, 2))
        bound = 1 << int(rng.integers(16, 27))
        limits = np.array([[-bound], [bound - 1]])
        try:
            bias = np.zeros(1, np.int64)
            requant = exact_requant(np.array([scale]), bias, limits, (-120, 130), "x")
        except InexactError as fault:
            assert "no 31-bit multiplier" in str(fault)
            continue
        met += 1
        near = np.round((np.arange(-125, 135) + 0.5) / scale).astype(np.int64)
        acc = np.unique(near[:, None] + np.arange(-2, 3))
        acc = acc[np.abs(acc) < bound]
        expected = np.clip(round_half_away(acc.astype(np.float64) * scale), -120, 130)
        found = post_process_once(acc, requant)
        np.testing.assert_array_equal(np.clip(found, -120, 130), expected)
    assert met > 35


@pytest.mark.parametrize("scale", [1.0, 200.0, 256.5, 3e5, 1e12])
def test_accumulators_stay_in_32_bits_under_a_coarse_scale(scale):
    acc = np.array([-(1 << 20), -300, -2, -1, 0, 1, 2, 300, (1 << 20) - 1])
    limits = np.array([acc[:1], acc[-1:]])
    requant = exact_requant(np.array([scale]), np.zeros(1, np.int64), limits, (-255, 255), "x")
    assert np.all(np.abs(acc << int(requant.left[0])) < 1 << 31)
    expected = np.clip(round_half_away(acc * scale), -255, 255)
    np.testing.assert_array_equal(np.clip(post_process_once(acc, requant), -255, 255), expected)


def test_accumulators_too_large_for_a_coarse_scale_are_refused():
    limits = np.array([[-(1 << 27)], [1 << 27]])
    with pytest.raises(InexactError):
        exact_requant(np.array([200.0]), np.zeros(1, np.int64), limits, (-255, 255), "x")


def test_count_classes():
    assert count_classes(5, 5, 3, 1, 1) == [(0, 1, 2), (1, 4, 3), (4, 5, 2)]
    assert count_classes(7, 1, 7, 1, 0) == [(0, 1, 7)]
    assert count_classes(6, 3, 3, 2, 0) == [(0, 2, 3), (2, 3, 2)]
