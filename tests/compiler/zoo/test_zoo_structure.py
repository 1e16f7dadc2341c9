"""The built-in networks: what their papers say of their layers, beside the counts."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from compiler import zoo
from compiler.ir.counts import macs, parameters
from compiler.ir.graph import Graph
from compiler.ir.ops import WEIGHT_AXIS
from compiler.ir.verify import verify
from compiler.zoo.builder import GraphBuilder


def total(graph: Graph, prefix: str = "") -> int:
    """Multiply-accumulates of the nodes whose name begins so."""
    return sum(count for name, count in macs(graph).items() if name.startswith(prefix))


def weights(graph: Graph, prefix: str = "") -> int:
    """Elements of the weights of these nodes."""
    chosen = [n for n in graph.nodes if n.op in WEIGHT_AXIS and n.name.startswith(prefix)]
    return sum(math.prod(graph.tensors[n.inputs[1]].shape) for n in chosen)


def operators(graph: Graph) -> Counter[str]:
    return Counter(n.op for n in graph.nodes)


def outputs(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.tensors[name].shape[1:] for name in graph.outputs]


def kernel_share(graph: Graph, kernel: tuple[int, int]) -> float:
    """Part of the multiply-accumulates in convolutions of one kernel."""
    chosen = [
        n.name
        for n in graph.nodes
        if n.op in ("conv2d", "depthwise_conv2d")
        and graph.tensors[n.inputs[1]].shape[1:3] == kernel
    ]
    return sum(macs(graph)[name] for name in chosen) / total(graph)


def flops(graph: Graph, normalised_inside: bool) -> int:
    """Operations as BSConv's profile.py counts them (bsconv/pytorch/profile.py).

    Multiply-accumulates, 2 for each normalised value and 1 for each relu; ``normalised_inside``
    says that the pointwise parts of a BSConv are normalised as well.
    """
    count = 2 * math.prod(graph.tensors["input"].shape)
    for node in graph.nodes:
        values = math.prod(graph.tensors[node.outputs[0]].shape)
        count += macs(graph)[node.name]
        inside = node.name.endswith(("/pointwise", "/reduce"))
        if node.op in ("conv2d", "depthwise_conv2d") and (normalised_inside or not inside):
            count += 2 * values
        if node.op == "fully_connected":
            count += values
        if node.attrs.get("activation") == "relu":
            count += values
        if node.op == "avg_pool2d":
            count += math.prod(graph.tensors[node.inputs[0]].shape)
    return count


@pytest.mark.parametrize(
    ("name", "normalised_inside", "millions", "parameter_millions"),
    (
        ("resnet20", True, "41.42", "0.28"),
        ("bsconv_u_resnet20", False, "7.86", "0.05"),
        ("bsconv_s_resnet20", True, "5.66", "0.03"),
    ),
)
def test_operations_of_the_cifar_resnets(name, normalised_inside, millions, parameter_millions):
    """The table of CIFAR-100 in the README of zeiss-microscopy/BSConv."""
    graph = zoo.build(name)
    assert f"{flops(graph, normalised_inside) / 1e6:.2f}" == millions
    assert f"{parameters(graph) / 1e6:.2f}" == parameter_millions


def test_bsconv_replaces_the_3x3_convolutions_of_resnet50():
    """Weights: C^2 + 9 C (BSConv-U), 2 C * C / 4 + 9 C (BSConv-S) for 9 C^2."""
    widths = [64] * 3 + [128] * 4 + [256] * 6 + [512] * 3
    regular = weights(zoo.build("resnet50")) - sum(9 * c * c for c in widths)
    for name, replaced in (
        ("bsconv_u_resnet50", sum(c * c + 9 * c for c in widths)),
        ("bsconv_s_resnet50", sum(2 * c * c // 4 + 9 * c for c in widths)),
    ):
        assert weights(zoo.build(name)) == regular + replaced


def test_mobilenet_v3_squeezes_and_swishes():
    large, small = zoo.build("mobilenet_v3_large"), zoo.build("mobilenet_v3_small")
    assert operators(large)["mul"] == operators(large)["hard_sigmoid"] == 8
    assert operators(small)["mul"] == operators(small)["hard_sigmoid"] == 9
    depthwise = sum(macs(large)[n.name] for n in large.nodes if n.op == "depthwise_conv2d")
    assert depthwise / total(large) == pytest.approx(0.085, abs=5e-4)
    squeezed = [n for n in small.nodes if n.name.endswith("/se/reduce")]
    channels = [small.tensors[n.outputs[0]].shape[3] for n in squeezed]
    assert channels == [8, 24, 64, 64, 32, 40, 72, 144, 144]


def test_convnext_by_kernel():
    graph = zoo.build("convnext_tiny")
    assert kernel_share(graph, (1, 1)) == pytest.approx(0.934, abs=5e-4)
    assert kernel_share(graph, (7, 7)) == pytest.approx(0.024, abs=5e-4)
    assert kernel_share(graph, (2, 2)) == pytest.approx(0.039, abs=5e-4)
    assert operators(graph)["layer_norm"] == 18 + 5 and operators(graph)["gelu"] == 18


def test_shufflenet_splits_and_shuffles():
    found = operators(zoo.build("shufflenet_v2"))
    assert (found["slice"], found["channel_shuffle"], found["concatenation"]) == (26, 16, 16)


@pytest.mark.parametrize(
    ("name", "module_weights", "per_pixel"),
    (
        ("retinaface_mnet025_ssh", 34_560, "708.75"),
        ("retinaface_mnet025_ddc", 5_824, "119.44"),
    ),
)
def test_context_modules_of_retinaface(name, module_weights, per_pixel):
    """Weights of one module and multiply-accumulates per input pixel of all (arXiv 2104.14125)."""
    graph = zoo.build(name)
    assert [weights(graph, f"context{i}/") for i in range(3)] == [module_weights] * 3
    assert f"{total(graph, 'context') / (480 * 640):.2f}" == per_pixel
    assert outputs(graph) == [
        (480 // s, 640 // s, 2 * values) for s in (8, 16, 32) for values in (2, 4, 10)
    ]


def test_ddc_dilates_by_1_2_and_3():
    nodes = zoo.build("retinaface_mnet025_ddc").nodes
    assert [
        n.attrs["dilation"]
        for n in nodes
        if n.op == "depthwise_conv2d" and n.name.startswith("context0/")
    ] == [(1, 1), (2, 2), (3, 3)]


def test_deeplab_dilates_from_stride_8_on():
    graph = zoo.build("deeplab_v3_mobilenet_v2")
    depthwise = [n.attrs for n in graph.nodes if n.op == "depthwise_conv2d"]
    assert Counter((a["stride"][0], a["dilation"][0]) for a in depthwise) == {
        (1, 1): 5,
        (2, 1): 2,
        (1, 2): 7,
        (1, 4): 3,
    }
    assert operators(graph)["add"] == 10 and outputs(graph) == [(257, 257, 21)]
    assert graph.tensors["features"].shape == (1, 33, 33, 512)


def test_blocks_of_group_width_8():
    """Benchmark shapes of andravin/spio: C = 64, 64 x 64, r = 6; C = 256, 16 x 16, r = 4."""
    assert total(zoo.build("convfirst_block")) == 64**2 * (9 * 8 * 64 + 2 * 6 * 64**2)
    assert total(zoo.build("mbconv_block")) == 16**2 * (2 * 4 * 256**2 + 9 * 8 * 4 * 256)
    for name in ("convfirst_small", "mbconv_small"):
        graph = zoo.build(name)
        grouped = [n for n in graph.nodes if n.name.endswith("/grouped")]
        assert {graph.tensors[n.inputs[1]].shape[1:] for n in grouped} == {(3, 3, 8)}
        assert len(grouped) == 10 and operators(graph)["add"] == 6


def test_layers_of_the_speech_encoder():
    """The lines of network.arch: C2 (kernel 21, stride 2), TDS (2 layers of 80 C) and L."""
    graph = zoo.build("tds_encoder")
    stages = ((1, 10, 2), (10, 14, 3), (14, 18, 6))
    expected = 1440 * 1024 + sum(
        21 * before * c + blocks * (21 * c * c + 2 * (80 * c) ** 2) for before, c, blocks in stages
    )
    assert weights(graph) == expected
    assert outputs(graph) == [(32, 1, 1024)]
    assert operators(graph)["layer_norm"] == 3 + 2 * 11


def test_capsule_votes_are_matrix_products(seed):
    """The grouped convolution with weights repeated for the rows of a pose, against the sum."""
    below, above, pose, taps = 8, 16, 4, 3
    rng = np.random.default_rng(seed)
    poses = rng.integers(-9, 10, (5, 5, below, pose, pose)).astype(float)
    matrices = rng.integers(-9, 10, (taps, taps, below, above, pose, pose)).astype(float)
    node = zoo.build("capsule_conv", (5, 5)).nodes[0]
    # [below, row, above, column, Kh, Kw, pose column]: one block of output channels per row.
    repeated = np.repeat(matrices.transpose(2, 3, 5, 0, 1, 4)[:, None], pose, axis=1)
    found = (
        torch.nn.functional.conv2d(
            torch.from_numpy(poses.reshape(5, 5, -1)).permute(2, 0, 1)[None],
            torch.from_numpy(repeated.reshape(-1, taps, taps, pose)).permute(0, 3, 1, 2),
            stride=node.attrs["stride"],
            groups=node.attrs["groups"],
        )[0]
        .permute(1, 2, 0)
        .numpy()
        .reshape(2, 2, below, pose, above, pose)
    )
    expected = np.zeros_like(found)
    for y, x, i, j in np.ndindex(2, 2, taps, taps):
        votes = np.einsum("brk,bakc->brac", poses[2 * y + i, 2 * x + j], matrices[i, j])
        expected[y, x] += votes
    np.testing.assert_array_equal(found, expected)


def test_builder_writes_every_operator_down():
    net = GraphBuilder("all", (8, 8, 4))
    x = net.conv("conv", "input", 8, 3, activation="leaky_relu")
    y = net.slice("slice", net.shuffle("shuffle", x, 2), 2, 4)
    y = net.pad("pad", y, (1, 0, 0, 1), (2, 2))
    y = net.resize("resize", y, (8, 8), "bilinear", half_pixel_centers=True)
    y = net.mul("mul", y, net.mean("mean", x), "relu")
    y = net.transpose_conv("transpose", y, 3, 3, stride=2, padding=(0, 1, 0, 1))
    graph = net.finish(net.function("end", net.layer_norm("norm", y), "leaky_relu", alpha=0.25))
    verify(graph, "structure")
    assert [n.op for n in graph.nodes] == [
        "conv2d",
        "leaky_relu",
        "channel_shuffle",
        "slice",
        "pad",
        "resize",
        "mean",
        "mul",
        "transpose_conv2d",
        "layer_norm",
        "leaky_relu",
    ]
    assert outputs(graph) == [(16, 16, 3)]
    assert [n.attrs["alpha"] for n in graph.nodes if n.op == "leaky_relu"] == [0.01, 0.25]
