"""Pools of quantised ONNX models against onnxruntime."""

import numpy as np
import pytest

from compiler.driver import lower
from hw.spec.config import preset
from tests.compiler.test_values import check
from tests.support.onnx_builder import OnnxBuilder, quant_of, step_differences

POOLS = {
    "plain": {"kernel_shape": [3, 2], "strides": [2, 2]},
    "padded": {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    "same upper": {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    "same lower": {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
    "rounded up": {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    "rounded up, padded": {
        "kernel_shape": [2, 2],
        "strides": [2, 2],
        "pads": [1, 1, 1, 1],
        "ceil_mode": 1,
    },
}
POOLS_OF = [
    (op, case, counted)
    for op, counts in {"AveragePool": (0, 1), "MaxPool": (None,)}.items()
    for case in POOLS
    for counted in counts
    if not (counted and "rounded" in case)
]


@pytest.mark.parametrize("op, case, counted", POOLS_OF)
@pytest.mark.parametrize("size", [(10, 9), (8, 11)])
def test_pool_that_keeps_its_scale(generator, op, case, counted, size):
    attrs = dict(POOLS[case])
    if counted is not None:
        attrs["count_include_pad"] = counted
    net = OnnxBuilder()
    quant = quant_of(generator)
    x = net.stored(net.input(1, 5, *size), *quant)
    net.output(net.stored(net.node(op, x, **attrs), *quant))
    graph, differences = step_differences(net, generator)
    assert len(graph.nodes) == 1
    # A maximum is exact; an average of integers is a tie where golden rounds away from zero.
    assert np.abs(differences).max() <= (0 if op == "MaxPool" else 1)


def test_a_maximum_with_another_scale_requantises(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 9, 8), 0.03, 4)
    net.output(net.stored(net.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2]), 0.05, -20))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes][1:] == ["quantize"]
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize("counted", [0, 1])
@pytest.mark.parametrize(("kernel", "scale"), [((3, 2), 0.05), ((4, 3), 0.0043), ((5, 5), 0.021)])
def test_an_average_with_another_scale_is_rounded_once(generator, kernel, scale, counted):
    """Rounded to the input's steps first, 1 of 4 results would differ; what is left are fractions
    next to a half, which fixed point or float32 takes for one."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 8, 40, 40), 0.02, 4)
    attrs = {"pads": [1, 1, 1, 1], "count_include_pad": 1} if counted else {}
    y = net.node("AveragePool", x, kernel_shape=kernel, strides=[1, 2], **attrs)
    net.output(net.stored(y, scale, -20))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["depthwise_conv2d"]
    assert np.abs(differences).max() <= 1
    assert np.mean(differences != 0) < 0.01


def test_an_average_of_more_rows_than_a_window_has_is_the_hosts(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 1, 363, 364), 0.02, 4)
    net.output(net.stored(net.node("AveragePool", x, kernel_shape=[363, 363]), 0.03, 4))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["host"]
    assert np.abs(differences).max() <= 1


def test_an_average_of_a_whole_map_is_rounded_once(generator):
    """Its output's scale is ten times finer: a rounding to the input's steps would be five off."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 9, 11), 0.02, 7)
    net.output(net.stored(net.node("AveragePool", x, kernel_shape=[9, 11]), 0.002, 7))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["mean"]
    assert np.abs(differences).max() <= 1


@pytest.mark.parametrize(("kernel", "share"), [((2, 2), 1 / 8), ((2, 3), 1 / 12), ((3, 3), 0)])
def test_ties_of_averages_are_all_that_differs(generator, kernel, share):
    """An even number of values is halfway between two steps for one sum in as many."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 8, 48, 48), 0.03, 4)
    y = net.node("AveragePool", x, kernel_shape=kernel, strides=kernel)
    net.output(net.stored(y, 0.03, 4))
    _, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1
    assert abs(np.mean(differences != 0) - share) <= share / 4


DILATED = [
    ("MaxPool", {"kernel_shape": [3, 2], "dilations": [2, 3], "strides": [1, 2]}),
    ("MaxPool", {"kernel_shape": [3, 3], "dilations": [3, 2], "pads": [2, 1, 2, 2]}),
    (
        "MaxPool",
        {"kernel_shape": [2, 3], "dilations": [2, 2], "ceil_mode": 1, "strides": [2, 3]},
    ),
    ("AveragePool", {"kernel_shape": [3, 2], "dilations": [2, 3], "strides": [1, 2]}),
    (
        "AveragePool",
        {
            "kernel_shape": [3, 3],
            "dilations": [2, 2],
            "pads": [1, 2, 2, 1],
            "count_include_pad": 1,
        },
    ),
]


@pytest.mark.parametrize("scale", [0.03, 0.021])
@pytest.mark.parametrize(("op", "attrs"), DILATED)
def test_dilated_pools_are_the_arrays(generator, op, attrs, scale):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 11, 12), 0.03, 4)
    net.output(net.stored(net.node(op, x, **attrs), scale, 4))
    graph, differences = step_differences(net, generator)
    assert graph.nodes[0].op == ("max_pool2d" if op == "MaxPool" else "depthwise_conv2d")
    assert np.abs(differences).max() <= (0 if op == "MaxPool" and scale == 0.03 else 1)
    check(graph, preset("tiny"), False, seed=1)


def test_a_dilated_average_of_other_divisors_at_its_border_is_the_hosts(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 11, 12), 0.03, 4)
    attrs = {"kernel_shape": [3, 3], "dilations": [2, 2], "pads": [1, 2, 2, 1]}
    net.output(net.stored(net.node("AveragePool", x, **attrs), 0.03, 4))
    graph, differences = step_differences(net, generator)
    assert [node.op for node in graph.nodes] == ["host"] and np.abs(differences).max() <= 1
    assert "padding that does not count" in graph.nodes[0].attrs["reason"]


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_a_line_longer_than_a_window_is_pooled_whole_on_the_array(generator, op):
    """As rows of a map."""
    net = OnnxBuilder()
    x = net.stored(net.input(1, 3, 1000), 0.02, 4)
    steps = generator.integers(-127, 128, (4, 3, 3), np.int8)
    y = net.stored(net.node("Conv", x, net.weights(steps, 0.01), pads=[1, 1]), 0.05, 1)
    net.output(net.stored(net.node(op, y), 0.05, 1))
    graph, differences = step_differences(net, generator)
    assert np.abs(differences).max() <= 1
    assert not lower(graph, preset("tiny")).host


def test_pool_of_one_axis(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 17), 0.03, 4)
    net.output(net.stored(net.node("MaxPool", x, kernel_shape=[3], strides=[2]), 0.03, 4))
    assert not step_differences(net, generator)[1].any()


def test_global_maximum(generator):
    net = OnnxBuilder()
    x = net.stored(net.input(1, 5, 7, 6), 0.03, 4)
    net.output(net.stored(net.node("GlobalMaxPool", x), 0.03, 4))
    assert not step_differences(net, generator)[1].any()
