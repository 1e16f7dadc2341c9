"""MobileNetV2 (arXiv 1801.04381) at 224 x 224, with the padding of its TensorFlow definition.

Source of the layers: tensorflow/models, research/slim/nets/mobilenet/mobilenet_v2.py.
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.ir.graph import Graph
from compiler.zoo.blocks import inverted_residual
from compiler.zoo.builder import GraphBuilder

#: Expansion, output channels, repeats and stride of the first block of each stage.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _mobilenet_v2() -> Graph:
    net = GraphBuilder("mobilenet_v2", (224, 224, 3))
    x = net.conv("stem", "input", 32, 3, stride=2, activation="relu6")
    index = 0
    for expansion, channels, repeats, first_stride in _STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            x = inverted_residual(net, f"block{index}", x, channels, 3, stride, expansion)
            index += 1
    x = net.conv("head/conv", x, 1280, 1, activation="relu6")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS: dict[str, Callable[[], Graph]] = {"mobilenet_v2": _mobilenet_v2}
