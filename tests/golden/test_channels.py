"""Operators that move channels, against LiteRT's reference kernels and PyTorch."""

import numpy as np
import pytest
import torch

from compiler.frontend.tflite import read_tflite
from golden.network import run
from golden.ops import channel_shuffle, channel_slice
from tests.compiler.graphs import (
    Net,
    shuffle_unit,
)
from tests.golden.layers import RandomLayers, activation, one_node, seeds
from tests.golden.oracle import run_litert
from tests.support.tflite_builder import build_model


def graph_of(op, shape, outputs, **attrs):
    """One operator with an output for each count of channels; builder's own operators included."""
    x = activation(shape, 0.1, -9)
    (first, *others) = [activation((*shape[:-1], c), 0.1, -9) for c in outputs]
    graph = one_node(op, {"x": x}, {}, first, **attrs)
    names = ["y", *(f"y{i}" for i in range(1, len(outputs)))]
    graph["tensors"].update(zip(names[1:], others, strict=True))
    graph["nodes"][0]["outputs"] = graph["outputs"] = names
    return graph


def check(graph, seed):
    """LiteRT's outputs are those of golden on the graph that the front end reads."""
    inputs = RandomLayers(seed).inputs(graph)
    model = build_model(graph)
    expected = run_litert(model, inputs)
    found = run(read_tflite(model, "model").to_dict(), inputs)
    for name in graph["outputs"]:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@pytest.mark.parametrize("seed", seeds(6))
def test_slices_equal_litert(seed):
    r = RandomLayers(seed)
    shape = (1, r.integer(1, 5), r.integer(1, 5), r.integer(2, 40))
    begin = r.integer(0, shape[3] - 1)
    size = r.integer(1, shape[3] - begin)
    check(graph_of("slice", shape, [size], begin=begin, size=size), seed)
    ends = r.pick((1, *shape[1:3], begin + size), (0, 99, 0, begin + size - shape[3]))
    mask = {"end_mask": 7} if ends[0] == 0 else {}
    if ends[3]:
        attrs = {"begin": (0, 0, 0, begin), "end": ends, "strides": (1, 1, 1, 1), **mask}
        check(graph_of("strided_slice", shape, [size], **attrs), seed)


@pytest.mark.parametrize("seed", seeds(6))
def test_splits_equal_litert(seed):
    r = RandomLayers(seed)
    size, count = r.integer(1, 9), r.integer(2, 5)
    shape = (1, 3, 4, size * count)
    check(graph_of("split", shape, [size] * count, axis=r.pick(3, -1)), seed)
    sizes = [r.integer(1, 9) for _ in range(count)]
    given = list(sizes)
    if r.integer(0, 1):
        given[r.integer(0, count - 1)] = -1
    shape = (1, 3, 4, sum(sizes))
    check(graph_of("split_v", shape, sizes, sizes=given, axis=r.pick(3, -1)), seed)


@pytest.mark.parametrize("seed", seeds(6))
def test_shuffles_and_padding_equal_litert(seed):
    r = RandomLayers(seed)
    groups = r.integer(1, 6)
    shape = (1, r.integer(1, 4), r.integer(1, 4), groups * r.integer(1, 9))
    check(graph_of("channel_shuffle", shape, [shape[3]], groups=groups), seed)
    margins = r.integer(0, 9), r.integer(0, 9)
    graph = graph_of(
        "pad", shape, [shape[3] + sum(margins)], padding=(1, 0, 2, 3), channel_padding=margins
    )
    graph["tensors"]["y"]["shape"] = (1, shape[1] + 1, shape[2] + 5, shape[3] + sum(margins))
    check(graph, seed)


@pytest.mark.parametrize("seed", seeds(6))
def test_shuffle_equals_torch(seed):
    r = RandomLayers(seed)
    groups = r.integer(1, 7)
    x = r.values((1, 3, 2, groups * r.integer(1, 9)))
    shuffle = torch.nn.ChannelShuffle(groups)
    expected = shuffle(torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2))
    np.testing.assert_array_equal(channel_shuffle(x, groups), expected.permute(0, 2, 3, 1).numpy())


def test_units_of_shufflenet_equal_litert():
    net = Net((9, 7, 5))
    x = net.conv("input", 22, kernel=(1, 1), activation="relu")
    for _ in range(3):
        x = shuffle_unit(net, x)
    graph = net.finish(net.conv(x, 9, kernel=(1, 1)))
    model, values = build_model(graph.to_dict()), RandomLayers(seeds(1)[0]).values((1, 9, 7, 5))
    expected = run_litert(model, {"input": values})
    found = run(read_tflite(model, "model").to_dict(), {"input": values})
    assert len(found) == len(graph.nodes) + 1
    for name, tensor in found.items():
        np.testing.assert_array_equal(tensor, expected[name], err_msg=name)


def test_channels_that_are_not_there_are_named():
    x = np.zeros((1, 2, 2, 6), np.int8)
    with pytest.raises(ValueError, match="channels 4 to 7 of 6"):
        channel_slice(x, 4, 3)
    with pytest.raises(ValueError, match="6 channels are no multiple of 4 groups"):
        channel_shuffle(x, 4)
