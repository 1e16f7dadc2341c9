"""Random layers against LiteRT's reference kernels, bit for bit."""

import numpy as np
import pytest

from golden.network import run
from tests.golden.layers import RandomLayers, activation, constant, one_node, seeds
from tests.golden.oracle import run_litert
from tests.support.tflite_builder import build_model

MAKERS = {
    "conv2d": (RandomLayers.conv2d, 60),
    "depthwise_conv2d": (RandomLayers.depthwise_conv2d, 60),
    "fully_connected": (RandomLayers.fully_connected, 60),
    "add": (RandomLayers.add, 40),
    "mul": (RandomLayers.mul, 80),
    "mean": (RandomLayers.mean, 60),
    "concatenation": (RandomLayers.concatenation, 40),
    "avg_pool2d": (lambda r: r.pool("avg_pool2d"), 40),
    "max_pool2d": (lambda r: r.pool("max_pool2d"), 40),
    "quantize": (RandomLayers.quantize, 40),
    "softmax": (RandomLayers.softmax, 40),
}


def assert_equal_to_litert(graph, inputs):
    (output,) = graph["outputs"]
    expected = run_litert(build_model(graph), inputs)[output]
    actual = run(graph, inputs)[output]
    np.testing.assert_array_equal(actual, expected, err_msg=str(graph["nodes"][0]["attrs"]))


@pytest.mark.parametrize(
    ("op", "seed"), [(op, seed) for op, (_, count) in MAKERS.items() for seed in seeds(count)]
)
def test_random_layer(op, seed):
    layers = RandomLayers(seed)
    graph = MAKERS[op][0](layers)
    assert_equal_to_litert(graph, layers.inputs(graph))


def accumulators_through_bias(op, accumulators, ratios, y_zero_point):
    """A layer whose accumulators are its bias, and whose output steps are 1 / ratio of them."""
    count = accumulators.size
    weights = {
        "conv2d": (count, 1, 1, 1),
        "depthwise_conv2d": (1, 1, 1, count),
        "fully_connected": (count, 1),
    }[op]
    attrs = {"activation": "none"}
    flat = op == "fully_connected"
    if not flat:
        attrs.update(stride=(1, 1), dilation=(1, 1), padding=(0, 0, 0, 0))
        attrs.update({"groups": 1} if op == "conv2d" else {"depth_multiplier": count})
    axis = weights.index(count)
    constants = {
        "w": constant(np.zeros(weights, np.int8), ratios, axis),
        "bias": constant(accumulators.astype(np.int32), ratios, 0),
    }
    x = activation((1, 1) if flat else (1, 1, 1, 1), 1.0, 0)
    y = activation((1, count) if flat else (1, 1, 1, count), 1.0, y_zero_point)
    return one_node(op, {"x": x}, constants, y, **attrs)


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d", "fully_connected"])
@pytest.mark.parametrize("exponent", [-33, -31, -30, -24, -16, -11, -8, -4, -1, 0, 1, 4, 6])
@pytest.mark.parametrize("seed", seeds(1))
def test_accumulators_of_every_size(op, exponent, seed):
    rng = np.random.default_rng(seed)
    ratios = 2.0**exponent * np.where(rng.random(4000) < 0.3, 1.0, rng.uniform(0.5, 1, 4000))
    # Most land in the output's range, ties of halves among them; the rest go up to 32 bits.
    reals = rng.uniform(-140, 140, 4000)
    reals = np.where(rng.random(4000) < 0.5, reals, np.round(reals) + 0.5)
    wide = rng.choice([-1, 1], 4000) * 2.0 ** rng.uniform(0, min(31, 30 - exponent), 4000)
    accumulators = np.where(rng.random(4000) < 0.8, np.round(reals / ratios), np.trunc(wide))
    accumulators = np.clip(accumulators, 100 - 2**31, 2**31 - 100)
    graph = accumulators_through_bias(op, accumulators, ratios, int(rng.integers(-60, 60)))
    assert_equal_to_litert(graph, {"x": np.zeros(graph["tensors"]["x"]["shape"], np.int8)})


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d"])
def test_left_shift_wraps(op):
    accumulators = np.random.default_rng(1).integers(-(2**31), 2**31, 2000)
    graph = accumulators_through_bias(op, accumulators, np.full(2000, 20.8), 3)
    assert_equal_to_litert(graph, {"x": np.zeros((1, 1, 1, 1), np.int8)})


@pytest.mark.parametrize("zero_point", [-128, -1, 127])
def test_every_pair_of_addends(zero_point):
    a, b = (m.astype(np.int8)[None] for m in np.meshgrid(np.arange(-128, 128), range(-128, 128)))
    quant = activation((1, 256, 256), 0.023, zero_point)
    other = activation((1, 256, 256), 0.011, -zero_point - 1)
    graph = one_node("add", {"a": quant, "b": other}, {}, activation((1, 256, 256), 0.031, 5))
    assert_equal_to_litert(graph, {"a": a, "b": b})


@pytest.mark.parametrize("zero_point", [-128, -1, 127])
def test_every_pair_of_factors(zero_point):
    a, b = (m.astype(np.int8)[None] for m in np.meshgrid(np.arange(-128, 128), range(-128, 128)))
    quant = activation((1, 256, 256), 0.023, zero_point)
    other = activation((1, 256, 256), 1 / 256, -zero_point - 1)
    graph = one_node("mul", {"a": quant, "b": other}, {}, activation((1, 256, 256), 0.017, 5))
    assert_equal_to_litert(graph, {"a": a, "b": b})


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (64, 64), (255, 255), (1, 4096)])
@pytest.mark.parametrize("y", [(0.02, -9), (0.02, 4), (0.013, -128), (0.0003, 0), (1e-9, 0)])
def test_means_of_maps_of_every_size(size, y):
    x = activation((1, *size, 5), 0.02, -9)
    graph = one_node("mean", {"x": x}, {}, activation((1, 1, 1, 5), *y))
    values = np.random.default_rng(size[1]).integers(-60, 40, (1, *size, 5), np.int8)
    assert_equal_to_litert(graph, {"x": values})


@pytest.mark.parametrize(
    ("op", "shape", "attrs"),
    [("pad", (1, 7, 8, 3), {"padding": (1, 2, 3, 0)}), ("reshape", (2, 30), {"shape": (2, 30)})],
)
def test_moving_values(op, shape, attrs):
    x = activation((1, 4, 5, 3), 0.1, -9)
    graph = one_node(op, {"x": x}, {}, activation(shape, 0.1, -9), **attrs)
    assert_equal_to_litert(graph, RandomLayers(seeds(1)[0]).inputs(graph))


@pytest.mark.parametrize("other", [(0.11, -9), (0.1, -8)])
def test_litert_refuses_to_concatenate_other_scales(other):
    x, z = activation((1, 4), 0.1, -9), activation((1, 3), *other)
    graph = one_node("concatenation", {"x": x, "z": z}, {}, activation((1, 7), 0.1, -9))
    inputs = RandomLayers(seeds(1)[0]).inputs(graph)
    with pytest.raises(RuntimeError, match="params"):
        run_litert(build_model(graph), inputs)


def test_builder_refuses_padding_that_tflite_cannot_express():
    graph = one_node(
        "max_pool2d",
        {"x": activation((1, 4, 4, 1), 0.1, 0)},
        {},
        activation((1, 4, 5, 1), 0.1, 0),
        kernel=(2, 2),
        stride=(1, 1),
        padding=(1, 0, 1, 1),
    )
    with pytest.raises(ValueError, match=r"padding must be \(0, 0, 0, 0\) or \(0, 1, 0, 1\)"):
        build_model(graph)
