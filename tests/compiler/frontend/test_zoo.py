"""The built-in networks: what they count, and the layers that make them what they are."""

from __future__ import annotations

import dataclasses
import math

import pytest

from compiler import zoo
from compiler.errors import InputError
from compiler.ir.counts import macs, parameters
from compiler.ir.graph import Graph, Node
from compiler.ir.ops import WEIGHT_AXIS
from compiler.zoo.builder import ceil_padding

#: Multiply-accumulates, and weights with biases (batch normalisation folded).
COUNTS = {
    "bsconv_s_mobilenet_v2": (300_774_272, 3_487_816),
    "bsconv_u_mobilenet_v1": (884_021_248, 4_230_952),
    "bsconv_u_mobilenet_v1_025": (62_047_744, 469_816),
    "efficientnet_lite0": (385_187_552, 4_631_000),
    "inception_v1": (1_582_671_872, 6_998_552),
    "inception_v2": (1_934_857_216, 11_178_360),
    "inception_v3": (5_713_216_096, 23_817_352),
    "mobilenet_v1": (568_740_352, 4_221_032),
    "mobilenet_v1_025": (41_030_272, 467_336),
    "mobilenet_v1_025_dw5x5": (48_757_376, 487_176),
    "mobilenet_v1_050": (149_497_088, 1_326_120),
    "mobilenet_v1_075": (325_400_448, 2_577_352),
    "mobilenet_v2": (300_774_272, 3_487_816),
    "resnet18": (1_814_073_344, 11_684_712),
    "resnet50": (3_857_973_248, 25_530_472),
    "squeezenet_1_1": (387_747_520, 1_235_496),
}

#: Published or computed from the definitions: millions of multiply-accumulates and of weights.
PUBLISHED = {
    "bsconv_u_mobilenet_v1": (884.0, 4.22),
    "bsconv_u_mobilenet_v1_025": (62.05, None),
    "inception_v1": (1582.7, 6.990),
    "inception_v2": (1934.9, 11.17),
    "inception_v3": (5713.2, 23.80),
    "mobilenet_v1_025_dw5x5": (48.76, None),
    "mobilenet_v1_075": (325.4, None),
    "mobilenet_v1_050": (149.5, 1.32),
    "resnet18": (1814.1, 11.68),
    "resnet50": (3858.0, 25.50),
    "squeezenet_1_1": (387.7, 1.23),
}


def weights(graph: Graph) -> int:
    """Elements of all weights, biases left out."""
    names = {n.inputs[1] for n in graph.nodes if n.op in WEIGHT_AXIS}
    return sum(math.prod(graph.tensors[name].shape) for name in names)


def kernel(graph: Graph, node: Node) -> tuple[int, ...]:
    return graph.tensors[node.inputs[1]].shape[1:3]


def share(graph: Graph, *kernels: tuple[int, int]) -> float:
    """Part of the multiply-accumulates in convolutions with one of the kernels."""
    per_node = macs(graph)
    chosen = (n for n in graph.nodes if n.op in WEIGHT_AXIS and kernel(graph, n) in kernels)
    return sum(per_node[n.name] for n in chosen) / sum(per_node.values())


def concatenations(graph: Graph) -> list[tuple[int, int]]:
    """Side and channels of every concatenated map."""
    shapes = [graph.tensors[n.outputs[0]].shape for n in graph.nodes if n.op == "concatenation"]
    return [(shape[1], shape[3]) for shape in shapes]


def test_every_built_in_network_is_counted():
    assert zoo.names() == tuple(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_counts_of_a_built_in_network(name):
    graph = zoo.build(name)
    assert (sum(macs(graph).values()), parameters(graph)) == COUNTS[name]
    assert graph.name == name and not graph.random_weights
    assert graph.tensors[graph.outputs[0]].shape == (1, 1000)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name):
    graph, (millions, parameter_millions) = zoo.build(name), PUBLISHED[name]
    assert sum(macs(graph).values()) / 1e6 == pytest.approx(millions, abs=0.06)
    if parameter_millions is not None:
        assert weights(graph) / 1e6 == pytest.approx(parameter_millions, abs=0.006)


def test_macs_by_kind_of_mobilenet_v1():
    graph = zoo.build("mobilenet_v1")
    per_node = macs(graph)
    depthwise = sum(per_node[n.name] for n in graph.nodes if n.op == "depthwise_conv2d")
    assert depthwise / sum(per_node.values()) == pytest.approx(0.031, abs=5e-4)
    assert per_node["head/pool"] == 0
    assert per_node["head/logits"] == 1024 * 1000


def test_macs_by_kernel_of_the_inceptions():
    v1, v3 = zoo.build("inception_v1"), zoo.build("inception_v3")
    assert share(v1, (3, 3)) == pytest.approx(0.608, abs=5e-4)
    assert share(v1, (5, 5)) == pytest.approx(0.083, abs=5e-4)
    assert share(v1, (7, 7)) == pytest.approx(0.075, abs=5e-4)
    assert share(v3, (1, 7), (7, 1)) == pytest.approx(0.261, abs=5e-4)
    assert share(v3, (1, 3), (3, 1)) == pytest.approx(0.040, abs=5e-4)
    assert share(v3, (5, 5)) == pytest.approx(0.049, abs=5e-4)


def test_widths_of_the_inceptions():
    assert concatenations(zoo.build("inception_v1")) == [
        (28, 256), (28, 480), (14, 512), (14, 512), (14, 512), (14, 528), (14, 832), (7, 832),
        (7, 1024),
    ]
    assert concatenations(zoo.build("inception_v2")) == [
        (28, 256), (28, 320), *[(14, 576)] * 5, *[(7, 1024)] * 3,
    ]
    assert concatenations(zoo.build("inception_v3")) == [
        (35, 256), (35, 288), (35, 288), *[(17, 768)] * 5, (8, 1280), (8, 2048), (8, 2048),
    ]


def test_bsconv_u_is_pointwise_then_depthwise_with_nothing_between():
    nodes = zoo.build("bsconv_u_mobilenet_v1").nodes[1:-2]
    for pointwise, depthwise in zip(nodes[::2], nodes[1::2], strict=True):
        assert (pointwise.op, pointwise.attrs["stride"]) == ("conv2d", (1, 1))
        assert pointwise.attrs["activation"] == "none"
        assert depthwise.op == "depthwise_conv2d"
        assert depthwise.inputs[0] == pointwise.outputs[0]


def test_bsconv_s_computes_what_mobilenet_v2_does():
    found = dataclasses.replace(zoo.build("bsconv_s_mobilenet_v2"), name="mobilenet_v2")
    assert found == zoo.build("mobilenet_v2")


@pytest.mark.parametrize(("size", "padding"), (
    ((112, 56), (0, 1, 0, 1)), ((113, 227), (0, 0, 0, 0)), ((3, 4), (0, 0, 0, 1)),
))
def test_ceil_padding_reaches_the_last_pixel(size, padding):
    assert ceil_padding(size, (3, 3), (2, 2)) == padding


def test_ceil_padding_begins_no_window_beyond_the_map():
    assert ceil_padding((5, 7), (1, 2), (3, 3)) == (0, 0, 0, 1)


def test_unknown_network():
    with pytest.raises(InputError, match="network 'vgg'; accepted: bsconv_s_mobilenet_v2, "):
        zoo.build("vgg")
