import numpy as np
import pytest

from golden.quant import (
    QParams,
    activation_range,
    add_params,
    conv_multipliers,
    dequantize,
    effective_scales,
    quantize,
)


def test_quantize_rounds_ties_away_and_saturates():
    real = np.array([0.25, -0.25, 0.75, 1000, -1000, np.inf, -np.inf, np.nan])
    q = quantize(real, QParams(0.5, 3))
    np.testing.assert_array_equal(q, [4, 2, 5, 127, -128, 127, -128, 3])
    assert q.dtype == np.int8


def test_dequantize_inverts_quantize():
    qparams = QParams(0.1, 7, "uint8")
    q = np.arange(256, dtype=np.uint8)
    real = dequantize(q, qparams)
    assert real.dtype == np.float32
    np.testing.assert_array_equal(quantize(real, qparams), q)


@pytest.mark.parametrize(
    ("activation", "qparams", "expected"),
    [
        ("none", QParams(0.1, 0), (-128, 127)),
        ("none", QParams(0.1, 0, "uint8"), (0, 255)),
        ("relu", QParams(0.1, -5), (-5, 127)),
        ("relu6", QParams(6 / 255, -128), (-128, 127)),
        ("relu6", QParams(0.1, -100), (-100, -40)),
        ("relu6", QParams(4.0, 0), (0, 2)),  # 1.5 steps round away from zero
        ("relu_n1_to_1", QParams(0.4, 1), (-2, 4)),
        ("relu6", QParams(1e-40, 0), (0, 127)),
        ("relu_n1_to_1", QParams(1e-40, 0), (-128, 127)),
    ],
)
def test_activation_range(activation, qparams, expected):
    assert activation_range(activation, qparams) == expected


def test_activation_range_rejects_unknown_names():
    with pytest.raises(ValueError, match=r"activation must be one of none, relu.*not 'tanh'"):
        activation_range("tanh", QParams(0.1, 0))


def test_scales_multiply_in_float64():
    x, w, y = (float(np.float32(v)) for v in (0.1, 0.3, 0.7))
    assert effective_scales(0.1, [0.3], 0.7)[0] == x * w / y
    multipliers, shifts = conv_multipliers(0.5, [0.5, 0.25], 0.125)
    assert (multipliers.tolist(), shifts.tolist()) == ([1 << 30] * 2, [2, 1])


def test_add_params():
    params = add_params(0.5, 0.25, 1.0)
    assert (params.a_multiplier, params.a_shift) == (1 << 30, 0)
    assert (params.b_multiplier, params.b_shift) == (1 << 30, -1)
    assert (params.y_multiplier, params.y_shift) == (1 << 30, -19)
    assert params.left_shift == 20


def test_add_params_rejects_an_output_scale_that_is_too_fine():
    with pytest.raises(ValueError, match="y_scale must be above"):
        add_params(1.0, 1.0, 2.0**-19)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 0), "scale must be finite and positive, not 0.0"),
        ((1.0, 128), "zero_point must be -128 to 127, not 128"),
        ((1.0, 0, "int4"), "dtype must be one of"),
    ],
)
def test_qparams_rejects(arguments, message):
    with pytest.raises(ValueError, match=message):
        QParams(*arguments)
