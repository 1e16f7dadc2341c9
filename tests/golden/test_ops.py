import numpy as np
import pytest
import torch

from golden.ops import (
    add,
    avg_pool2d,
    conv2d,
    conv2d_accumulators,
    depthwise_conv2d_accumulators,
    fully_connected_accumulators,
    max_pool2d,
    mul,
    pad,
    quantize,
    reshape,
    softmax,
)
from golden.quant import QParams
from tests.golden.layers import RandomLayers, seeds

Q = QParams(0.5, 0)


def torch_accumulators(x, weights, bias, zero_point, stride, dilation, padding, groups):
    """The same sums by PyTorch, in float64, which holds every one of them exactly."""
    top, bottom, left, right = padding
    planes = torch.from_numpy(x.astype(np.float64) - zero_point).permute(0, 3, 1, 2)
    planes = torch.nn.functional.pad(planes, (left, right, top, bottom))
    kernel = torch.from_numpy(weights.astype(np.float64)).permute(0, 3, 1, 2)
    sums = torch.nn.functional.conv2d(
        planes, kernel, torch.from_numpy(bias.astype(np.float64)), stride, 0, dilation, groups
    )
    return sums.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("seed", seeds(40))
def test_conv2d_accumulators_equal_torch(seed):
    r = RandomLayers(seed)
    groups = r.integer(1, 4)
    kernel = (r.integer(1, 7), r.integer(1, 7))
    stride, dilation = (r.integer(1, 4), r.integer(1, 4)), (r.integer(1, 4), r.integer(1, 4))
    padding = tuple(r.integer(0, 6) for _ in range(4))
    size = [(k - 1) * d + r.integer(1, 9) for k, d in zip(kernel, dilation, strict=True)]
    depth, outputs = r.integer(1, 8), groups * r.integer(1, 5)
    x = r.values((r.integer(1, 2), *size, depth * groups))
    weights = r.values((outputs, *kernel, depth))
    bias = r.rng.integers(-(1 << 20), 1 << 20, outputs, "int32")
    arguments = (x, weights, bias, r.zero_point(), stride, dilation, padding, groups)
    accumulators = conv2d_accumulators(*arguments)
    assert accumulators.dtype == np.int32
    np.testing.assert_array_equal(accumulators, torch_accumulators(*arguments))


@pytest.mark.parametrize("seed", seeds(20))
def test_depthwise_accumulators_equal_torch(seed):
    r = RandomLayers(seed)
    channels, multiplier = r.integer(1, 8), r.integer(1, 4)
    kernel, padding = (r.integer(1, 7), r.integer(1, 7)), tuple(r.integer(0, 6) for _ in range(4))
    stride, dilation = (r.integer(1, 4), r.integer(1, 4)), (r.integer(1, 4), r.integer(1, 4))
    size = [(k - 1) * d + r.integer(1, 9) for k, d in zip(kernel, dilation, strict=True)]
    x, zero_point = r.values((1, *size, channels)), r.zero_point()
    weights = r.values((1, *kernel, channels * multiplier))
    bias = r.rng.integers(-1000, 1000, channels * multiplier, "int32")
    accumulators = depthwise_conv2d_accumulators(
        x, weights, bias, zero_point, stride, dilation, padding, multiplier
    )
    grouped = weights.transpose(3, 1, 2, 0)
    expected = torch_accumulators(x, grouped, bias, zero_point, stride, dilation, padding, channels)
    np.testing.assert_array_equal(accumulators, expected)


@pytest.mark.parametrize("seed", seeds(5))
def test_fully_connected_accumulators_flatten_the_input(seed):
    r = RandomLayers(seed)
    x, weights = r.values((2, 3, 4, 5)), r.values((7, 60))
    expected = (x.reshape(2, 60).astype(int) - 9) @ weights.T.astype(int)
    np.testing.assert_array_equal(fully_connected_accumulators(x, weights, None, 9), expected)


def test_accumulators_wrap_in_32_bits():
    x, weights = np.full((1, 1, 1, 1), 127, np.int8), np.full((1, 1, 1, 1), 127, np.int8)
    bias = np.array([(1 << 31) - 1], np.int32)
    assert conv2d_accumulators(x, weights, bias, 0).item() == 127 * 127 - 1 - (1 << 31)


def test_padding_is_the_zero_point():
    x = np.full((1, 2, 2, 1), 5, np.int8)
    weights = np.ones((1, 3, 3, 1), np.int8)
    assert not conv2d_accumulators(x, weights, None, 5, padding=(1, 1, 1, 1)).any()


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (-3, 2, -2), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (5, 4, 1)],
)
def test_average_ties_go_away_from_zero(total, count, expected):
    x = np.zeros((1, 1, count, 1), np.int8)
    x[0, 0, 0, 0] = total
    assert avg_pool2d(x, Q, (1, count)).item() == expected


def test_average_leaves_padding_out_or_counts_it_as_the_zero_point():
    x = np.full((1, 2, 2, 1), 10, np.int8)
    q = QParams(0.5, -20)
    arguments = (x, q, (3, 3), (1, 1), (1, 1, 1, 1))
    assert (avg_pool2d(*arguments) == 10).all()
    # Four pixels of 10 and five of -20: -60 / 9.
    assert (avg_pool2d(*arguments, count_include_pad=True) == -7).all()


def test_average_rejects_a_window_of_padding_alone():
    with pytest.raises(ValueError, match="lies wholly in the padding"):
        avg_pool2d(np.zeros((1, 2, 2, 1), np.int8), Q, (1, 1), (1, 1), (1, 0, 0, 0))


def test_maximum_ignores_padding():
    x = np.full((1, 2, 2, 1), -100, np.int8)
    assert (max_pool2d(x, Q, (3, 3), (1, 1), (1, 1, 1, 1)) == -100).all()


@pytest.mark.parametrize("dilation", [(1, 2), (3, 2)])
def test_a_dilated_maximum_is_pytorchs(generator, dilation):
    x = generator.integers(-128, 128, (1, 9, 11, 3)).astype(np.int8)
    found = max_pool2d(x, Q, (3, 3), (2, 1), (1, 1, 1, 1), dilation)
    real = torch.from_numpy(x.astype(np.float64)).permute(0, 3, 1, 2)
    expected = torch.nn.functional.max_pool2d(real, 3, (2, 1), 1, dilation)
    np.testing.assert_array_equal(found, expected.permute(0, 2, 3, 1).numpy())


def test_pooling_clamps_to_its_activation():
    x = np.array([-50, 50], np.int8).reshape(1, 1, 2, 1)
    for pool in (avg_pool2d, max_pool2d):
        assert pool(x, Q, (1, 1), activation="relu6").ravel().tolist() == [0, 12]


def test_pad_and_reshape():
    x = np.ones((1, 1, 1, 2), np.int8)
    padded = pad(x, QParams(0.5, -3), (1, 0, 0, 2))
    assert padded[..., 0].tolist() == [[[-3, -3, -3], [1, -3, -3]]]
    assert reshape(padded, [3, 4]).shape == (3, 4)


def test_quantize_between_types_shifts_by_128():
    x = np.arange(256, dtype=np.uint8)
    y = quantize(x, QParams(0.3, 131, "uint8"), QParams(0.3, 3))
    np.testing.assert_array_equal(y, x.astype(int) - 128)


def test_softmax_gives_one_input_everything():
    x = np.array([[127, -128, -128]], np.int8)
    assert softmax(x, 1.0).tolist() == [[127, -128, -128]]


@pytest.mark.parametrize("count", [512, 1000, 4095])
def test_softmax_of_many_equal_inputs_has_no_share_of_half_a_step(count):
    assert (softmax(np.zeros((1, count), np.int8), 0.1) == -128).all()


def test_softmax_is_near_the_real_one():
    x = np.random.default_rng(0).integers(-128, 127, (50, 40), "int8", endpoint=True)
    real = torch.softmax(torch.from_numpy(x * 0.1), dim=-1).numpy()
    assert np.abs(softmax(x, 0.1).astype(int) + 128 - np.minimum(real * 256, 255)).max() <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: conv2d(
                np.zeros((1, 2, 2, 3), np.int8), np.zeros((2, 1, 1, 2), np.int8), None, Q, [1.0], Q
            ),
            "do not fit an input",
        ),
        (
            lambda: conv2d_accumulators(
                np.zeros((1, 2, 2, 1), np.int8), np.zeros((1, 3, 3, 1), np.int8), None, 0
            ),
            "a window of 3 does not fit 2 pixels",
        ),
        (
            lambda: add(np.zeros((1, 2), np.int8), np.zeros((2, 1), np.int8), Q, Q, Q),
            "same shape",
        ),
        (
            lambda: mul(np.zeros((1, 2, 3), np.int8), np.zeros((1, 2, 1), np.int8), Q, Q, Q),
            "same shape or one of them a value per channel",
        ),
        (lambda: softmax(np.zeros((1, 4096), np.int8), 0.1), "sum to less than 4096"),
        (lambda: softmax(np.zeros((1, 4), np.int8), 2.0**-27), "above 2"),
    ],
)
def test_faults_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
