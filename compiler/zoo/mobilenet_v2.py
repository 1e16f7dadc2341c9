"""MobileNetV2 (arXiv 1801.04381) at 224 x 224, with the padding of its TensorFlow definition.

Source of the layers: tensorflow/models, research/slim/nets/mobilenet/mobilenet_v2.py.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.zoo.blocks import deeper, inverted_residual, wider
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network

#: Expansion, output channels, repeats and stride of the first block of each stage.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2(
    name: str,
    size: Pair,
    width: float = 1.0,
    depth: float = 1.0,
    kernel: int = 3,
    expansion: int = 6,
) -> Graph:
    """The network with channel counts times ``width``, repeats times ``depth``, depthwise kernels
    of that size, and that expansion in all blocks but the first. A narrow one keeps its head."""
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", wider(32, width), 3, stride=2, activation="relu6")
    index = 0
    for usual, channels, repeats, first_stride in STAGES:
        factor = 1 if usual == 1 else expansion
        wide = wider(channels, width)
        for repeat in range(deeper(repeats, depth)):
            stride = first_stride if repeat == 0 else 1
            x = inverted_residual(net, f"block{index}", x, wide, kernel, stride, factor)
            index += 1
    x = net.conv("head/conv", x, wider(1280, max(1.0, width)), 1, activation="relu6")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS = {"mobilenet_v2": Network(mobilenet_v2)}
