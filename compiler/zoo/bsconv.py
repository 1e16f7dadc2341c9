"""Networks of blueprint separable convolutions (arXiv 2003.13549).

Source of the layers: zeiss-microscopy/BSConv, bsconv/pytorch/modules.py, mobilenet.py, resnet.py
and replacers.py. BSConv-U is a pointwise convolution at the input's resolution and a depthwise one
that strides, with nothing between; BSConv-S makes the pointwise one of two of low rank. In the
ResNets they stand for every 3x3 convolution. For MobileNetV2 and V3, BSConv-S changes how the
network is trained, not what it computes.
"""

from __future__ import annotations

import math
from functools import partial

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.mobilenet_v1 import blocks
from compiler.zoo.mobilenet_v2 import mobilenet_v2
from compiler.zoo.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from compiler.zoo.network import Network
from compiler.zoo.padding import even_padding
from compiler.zoo.resnet import bottleneck, cifar_resnet, resnet


def _bsconv_u_mobilenet_v1(name: str, size: Pair, width: float) -> Graph:
    """MobileNetV1 with all channel counts times ``width``."""
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", int(32 * width), 3, stride=2, activation="relu")
    for i, (channels, stride) in enumerate(blocks(), 1):
        x = net.conv(f"block{i}/pointwise", x, int(channels * width), 1)
        x = net.depthwise(f"block{i}/depthwise", x, 3, stride=stride, activation="relu")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


def _bsconv_u(
    net: GraphBuilder, name: str, x: str, channels: int, stride: int, activation: str
) -> str:
    """BSConv-U with a 3x3 kernel."""
    x = net.conv(f"{name}/pointwise", x, channels, 1)
    return net.depthwise(
        f"{name}/depthwise", x, 3, stride=stride, padding=even_padding(3), activation=activation
    )


def _bsconv_s(
    net: GraphBuilder, name: str, x: str, channels: int, stride: int, activation: str
) -> str:
    """BSConv-S with a 3x3 kernel and a quarter of the input's channels, at least four, between."""
    inputs = net.channels(x)
    middle = min(inputs, max(4, math.ceil(inputs / 4)))
    x = net.conv(f"{name}/reduce", x, middle, 1)
    return _bsconv_u(net, name, x, channels, stride, activation)


_RESNET50 = (3, 4, 6, 3)

NETWORKS = {
    "bsconv_s_mobilenet_v2": Network(mobilenet_v2),
    "bsconv_s_mobilenet_v3_large": Network(mobilenet_v3_large),
    "bsconv_s_mobilenet_v3_small": Network(mobilenet_v3_small),
    "bsconv_s_resnet20": Network(partial(cifar_resnet, conv3x3=_bsconv_s), (32, 32), (16, 16)),
    "bsconv_s_resnet50": Network(
        partial(resnet, block=bottleneck, repeats=_RESNET50, conv3x3=_bsconv_s)
    ),
    "bsconv_u_mobilenet_v1": Network(partial(_bsconv_u_mobilenet_v1, width=1.0)),
    "bsconv_u_mobilenet_v1_025": Network(partial(_bsconv_u_mobilenet_v1, width=0.25)),
    "bsconv_u_resnet20": Network(partial(cifar_resnet, conv3x3=_bsconv_u), (32, 32), (16, 16)),
    "bsconv_u_resnet50": Network(
        partial(resnet, block=bottleneck, repeats=_RESNET50, conv3x3=_bsconv_u)
    ),
}
