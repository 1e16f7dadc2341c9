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
from compiler.zoo.padding import ceil_padding

#: Multiply-accumulates, and weights with biases and gains (batch normalisation folded).
COUNTS = {
    "bsconv_s_mobilenet_v2": (300_774_272, 3_487_816),
    "bsconv_s_mobilenet_v3_large": (216_589_760, 5_470_832),
    "bsconv_s_mobilenet_v3_small": (56_510_400, 2_536_800),
    "bsconv_s_resnet20": (4_513_024, 31_468),
    "bsconv_s_resnet50": (2_123_464_192, 14_880_664),
    "bsconv_u_mobilenet_v1": (884_021_248, 4_230_952),
    "bsconv_u_mobilenet_v1_025": (62_047_744, 469_816),
    "bsconv_u_resnet20": (7_256_320, 46_468),
    "bsconv_u_resnet50": (2_226_224_640, 15_508_456),
    "capsule_conv": (2_654_208, 75_776),
    "convfirst_block": (220_200_960, 54_272),
    "convfirst_small": (351_738_880, 2_174_536),
    "convnext_atto": (547_332_480, 3_693_680),
    "convnext_tiny": (4_455_531_264, 28_582_504),
    "deeplab_v3_mobilenet_v2": (725_849_344, 688_357),
    "efficientnet_lite0": (385_187_552, 4_631_000),
    "inception_v1": (1_582_671_872, 6_998_552),
    "inception_v2": (1_934_857_216, 11_178_360),
    "inception_v3": (5_713_216_096, 23_817_352),
    "mbconv_block": (153_092_096, 600_320),
    "mbconv_small": (397_449_216, 1_777_448),
    "mobilenet_v1": (568_740_352, 4_221_032),
    "mobilenet_v1_025": (41_030_272, 467_336),
    "mobilenet_v1_025_dw5x5": (48_757_376, 487_176),
    "mobilenet_v1_050": (149_497_088, 1_326_120),
    "mobilenet_v1_075": (325_400_448, 2_577_352),
    "mobilenet_v2": (300_774_272, 3_487_816),
    "mobilenet_v3_large": (216_589_760, 5_470_832),
    "mobilenet_v3_small": (56_510_400, 2_536_800),
    "resnet18": (1_814_073_344, 11_684_712),
    "resnet20": (40_818_944, 277_540),
    "resnet50": (3_857_973_248, 25_530_472),
    "retinaface_mnet025_ddc": (554_822_400, 337_536),
    "retinaface_mnet025_ssh": (735_859_200, 423_264),
    "shufflenet_v2": (144_907_992, 2_270_514),
    "squeezenet_1_1": (387_747_520, 1_235_496),
    "tds_encoder": (1_894_307_840, 36_599_530),
}

#: Millions of multiply-accumulates and of weights, to the digits given: those that the sources
#: named by the modules print, or computed apart from this code out of their definitions.
PUBLISHED = {
    "bsconv_u_mobilenet_v1": ("884.0", "4.218"),
    "bsconv_u_mobilenet_v1_025": ("62.05", None),
    "convnext_atto": ("547", "3.68"),
    "convnext_tiny": ("4455.5", None),
    "deeplab_v3_mobilenet_v2": ("725.85", None),
    "inception_v1": ("1582.7", "6.990"),
    "inception_v2": ("1934.9", "11.17"),
    "inception_v3": ("5713.2", "23.80"),
    "mobilenet_v1": ("568.7", None),
    "mobilenet_v1_025": ("41.03", None),
    "mobilenet_v1_025_dw5x5": ("48.76", None),
    "mobilenet_v1_050": ("149.5", "1.32"),
    "mobilenet_v1_075": ("325.4", None),
    "mobilenet_v2": ("300.8", None),
    "mobilenet_v3_large": ("216.6", None),
    "mobilenet_v3_small": ("56.5", None),
    "resnet18": ("1814.1", "11.68"),
    "resnet50": ("3858.0", "25.50"),
    "retinaface_mnet025_ddc": ("554.8", "0.3336"),
    "retinaface_mnet025_ssh": ("735.9", "0.4198"),
    "shufflenet_v2": ("144.9", None),
    "squeezenet_1_1": ("387.7", "1.23"),
}

#: Parameters that torchvision states for its form (``num_params`` of the weights): two for each
#: channel of a batch normalisation in place of one bias.
TORCHVISION = {
    "convnext_tiny": 28_589_128,
    "inception_v3": 23_834_568,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_large": 5_483_032,
    "mobilenet_v3_small": 2_542_856,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "shufflenet_v2": 2_278_604,
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


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_counts(name):
    graph = zoo.build(name)
    for count, text in zip(
        (sum(macs(graph).values()), weights(graph)), PUBLISHED[name], strict=True
    ):
        if text is not None:
            digits = len(text.partition(".")[2])
            assert f"{count / 1e6:.{digits}f}" == text


@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_as_torchvision_counts_them(name):
    graph = zoo.build(name)
    normalised = [
        n for n in graph.nodes if n.op in ("conv2d", "depthwise_conv2d") and "/se/" not in n.name
    ]
    extra = sum(graph.tensors[n.inputs[2]].shape[0] for n in normalised)
    if name == "convnext_tiny":  # no batch normalisation, but a scale for each block's channels
        extra = sum(graph.tensors[n.outputs[0]].shape[3] for n in graph.nodes if n.op == "add")
    assert parameters(graph) + extra == TORCHVISION[name]


@pytest.mark.parametrize("name", COUNTS)
def test_reduced_form_of_a_built_in_network(name):
    graph, full = zoo.build(name, zoo.reduced_size(name)), zoo.build(name)
    assert graph.tensors["input"].shape[1:3] == zoo.reduced_size(name)
    assert [(n.name, n.op) for n in graph.nodes] == [(n.name, n.op) for n in full.nodes]
    assert sum(macs(graph).values()) < sum(macs(full).values())


HEADS = {
    "inception_v1": ((512, 528), ("4a/output", "4d/output")),
    "inception_v2": ((576, 576), ("4b/output", "4e/output")),
}
"""Channels of the maps of 14x14 pixels that auxiliary classifiers read, and their names."""


@pytest.mark.parametrize("name", HEADS)
def test_auxiliary_classifiers_are_those_of_googlenet(name):
    """4x4 averages, 128 channels, 1024 units, 1000 classes (arXiv 1409.4842, section 5)."""
    channels, maps = HEADS[name]
    plain, graph = zoo.build(name), zoo.build(name, auxiliary=True)
    assert [graph.tensors[y].shape for y in graph.outputs] == [(1, 1000)] * 3
    assert graph.outputs[0] == plain.outputs[0]
    old = {n.name for n in plain.nodes}
    extra = [n for n in graph.nodes if n.name not in old]
    assert [n.op for n in extra] == [
        "avg_pool2d",
        "conv2d",
        "fully_connected",
        "fully_connected",
    ] * 2
    assert tuple(n.inputs[0] for n in extra if n.op == "avg_pool2d") == maps
    rest = 2048 * 1024 + 1024 * 1000
    more = sum(macs(graph).values()) - sum(macs(plain).values())
    assert more == sum(16 * c * 128 + rest for c in channels)
    more = parameters(graph) - parameters(plain)
    assert more == sum(c * 128 + 128 + rest + 2024 for c in channels)


def test_a_network_without_auxiliary_classifiers_is_refused():
    with pytest.raises(InputError, match="no auxiliary classifiers; inception_v1, inception_v2 "):
        zoo.build("resnet18", auxiliary=True)


def test_input_size_that_does_not_fit():
    with pytest.raises(InputError, match="a window of height 3 does not fit"):
        zoo.build("inception_v3", (32, 32))
    with pytest.raises(InputError, match=r"input size \[0, 32\]; 1 or more is accepted"):
        zoo.build("resnet18", (0, 32))
    with pytest.raises(InputError, match="network 'vgg'; accepted: "):
        zoo.reduced_size("vgg")


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
        (28, 256),
        (28, 480),
        (14, 512),
        (14, 512),
        (14, 512),
        (14, 528),
        (14, 832),
        (7, 832),
        (7, 1024),
    ]
    assert concatenations(zoo.build("inception_v2")) == [
        (28, 256),
        (28, 320),
        *[(14, 576)] * 5,
        *[(7, 1024)] * 3,
    ]
    assert concatenations(zoo.build("inception_v3")) == [
        (35, 256),
        (35, 288),
        (35, 288),
        *[(17, 768)] * 5,
        (8, 1280),
        (8, 2048),
        (8, 2048),
    ]


def test_bsconv_u_is_pointwise_then_depthwise_with_nothing_between():
    nodes = zoo.build("bsconv_u_mobilenet_v1").nodes[1:-2]
    for pointwise, depthwise in zip(nodes[::2], nodes[1::2], strict=True):
        assert (pointwise.op, pointwise.attrs["stride"]) == ("conv2d", (1, 1))
        assert pointwise.attrs["activation"] == "none"
        assert depthwise.op == "depthwise_conv2d"
        assert depthwise.inputs[0] == pointwise.outputs[0]


@pytest.mark.parametrize("name", ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"))
def test_bsconv_s_computes_what_a_mobilenet_does(name):
    found = dataclasses.replace(zoo.build(f"bsconv_s_{name}"), name=name)
    assert found == zoo.build(name)


@pytest.mark.parametrize(
    ("size", "padding"),
    (
        ((112, 56), (0, 1, 0, 1)),
        ((113, 227), (0, 0, 0, 0)),
        ((3, 4), (0, 0, 0, 1)),
    ),
)
def test_ceil_padding_reaches_the_last_pixel(size, padding):
    assert ceil_padding(size, (3, 3), (2, 2)) == padding


def test_ceil_padding_begins_no_window_beyond_the_map():
    assert ceil_padding((5, 7), (1, 2), (3, 3)) == (0, 0, 0, 1)


def test_unknown_network():
    with pytest.raises(InputError, match="network 'vgg'; accepted: bsconv_s_mobilenet_v2, "):
        zoo.build("vgg")
