"""Layer normalisation against PyTorch in float64."""

import numpy as np
import pytest
import torch

from golden.ops import layer_norm
from golden.quant import QParams
from tests.golden.layers import RandomLayers, seeds


@pytest.mark.parametrize("seed", seeds(40))
def test_within_half_a_step_of_pytorch(seed):
    r = RandomLayers(seed)
    channels, epsilon = r.integer(1, 100), 10.0 ** r.integer(-7, -2)
    x = r.values((1, r.integer(1, 5), r.integer(1, 5), channels))
    if r.integer(0, 3) == 0:
        x[:, 0] = x[:, 0, :, :1]
    gamma = r.rng.normal(1, 0.5, channels).astype(np.float32)
    beta = r.rng.normal(0, 0.5, channels).astype(np.float32)
    x_quant = QParams(float(np.float32(r.scale())), r.zero_point())
    y_quant = QParams(float(np.float32(2.0 ** r.rng.uniform(-7, -3))), r.zero_point())
    real = torch.from_numpy((x.astype(np.float64) - x_quant.zero_point) * x_quant.scale)
    weights = (torch.from_numpy(values.astype(np.float64)) for values in (gamma, beta))
    expected = torch.nn.functional.layer_norm(real, (channels,), *weights, epsilon).numpy()
    steps = expected / y_quant.scale + y_quant.zero_point
    found = layer_norm(x, gamma, beta, x_quant, y_quant, epsilon)
    assert found.dtype == np.int8
    assert np.abs(found - np.clip(steps, -128, 127)).max() <= 0.5 + 1e-9


def test_ties_go_away_from_zero():
    """With gamma 0 the result is beta: 0.5, -0.5, 1.5 and -1.5 steps."""
    beta = np.array([0.25, -0.25, 0.75, -0.75], np.float32)
    x = np.array([[1, 2, 3, 4]], np.int8)
    found = layer_norm(x, np.zeros(4, np.float32), beta, QParams(0.1, 0), QParams(0.5, 10))
    np.testing.assert_array_equal(found, [[11, 9, 12, 8]])


def test_equal_values_leave_beta_even_with_a_vanishing_epsilon():
    x, beta = np.full((1, 3), 7, np.int8), np.array([1, 0, -1], np.float32)
    found = layer_norm(x, np.ones(3, np.float32), beta, QParams(1e30, 0), QParams(1.0, 0), 1e-300)
    np.testing.assert_array_equal(found, [[1, 0, -1]])
