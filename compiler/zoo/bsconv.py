"""MobileNets of blueprint separable convolutions (arXiv 2003.13549) at 224 x 224.

Source of the layers: zeiss-microscopy/BSConv, bsconv/pytorch/modules.py and mobilenet.py. BSConv-U
is a pointwise convolution at the input's resolution and a depthwise one that strides, with nothing
between. BSConv-S changes how MobileNetV2 is trained, not what it computes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from compiler.ir.graph import Graph
from compiler.zoo import mobilenet_v2
from compiler.zoo.builder import GraphBuilder
from compiler.zoo.mobilenet_v1 import BLOCKS


def _bsconv_u_mobilenet_v1(name: str, width: float) -> Graph:
    """MobileNetV1 with all channel counts times ``width``."""
    net = GraphBuilder(name, (224, 224, 3))
    x = net.conv("stem", "input", int(32 * width), 3, stride=2, activation="relu")
    for i, (channels, stride) in enumerate(BLOCKS, 1):
        x = net.conv(f"block{i}/pointwise", x, int(channels * width), 1)
        x = net.depthwise(f"block{i}/depthwise", x, 3, stride=stride, activation="relu")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


def _bsconv_s_mobilenet_v2() -> Graph:
    graph = mobilenet_v2.NETWORKS["mobilenet_v2"]()
    return dataclasses.replace(graph, name="bsconv_s_mobilenet_v2")


NETWORKS: dict[str, Callable[[], Graph]] = {
    "bsconv_s_mobilenet_v2": _bsconv_s_mobilenet_v2,
    "bsconv_u_mobilenet_v1": lambda: _bsconv_u_mobilenet_v1("bsconv_u_mobilenet_v1", 1.0),
    "bsconv_u_mobilenet_v1_025": lambda: _bsconv_u_mobilenet_v1("bsconv_u_mobilenet_v1_025", 0.25),
}
