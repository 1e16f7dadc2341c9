"""RetinaFace (arXiv 1905.00641) on MobileNetV1 of width 0.25, with two context modules.

Source of the layers: biubug6/Pytorch_Retinaface, models/net.py and retinaface.py. Each of the three
scales gives the raw outputs of two anchors per pixel: classes, boxes and landmarks, before softmax.
The module DDC is depthwise and dilated (arXiv 2104.14125): three depthwise 3x3 convolutions of
dilation 1, 2 and 3, each before a pointwise one, reconstructed from the paper's counts of weights
and multiply-accumulates; nothing stands between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network
from compiler.zoo.padding import even_padding

#: Channels and stride of the depthwise separable blocks up to stride 8, 16 and 32.
_STAGES = (
    ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1)),
    ((128, 2), *((128, 1),) * 5),
    ((256, 2), (256, 1)),
)

#: Channels of the pyramid.
_WIDTH = 64

_ANCHORS = 2

#: Outputs of each anchor.
_HEADS = {"classes": 2, "boxes": 4, "landmarks": 10}

_EVEN = even_padding(3)

#: Appends a context module: builder, name and input.
Context = Callable[[GraphBuilder, str, str], str]


def _leaky(net: GraphBuilder, x: str) -> str:
    return net.function(f"{x}/leaky_relu", x, "leaky_relu", alpha=0.1)


def _conv3x3(net: GraphBuilder, name: str, x: str, channels: int, stride: int = 1) -> str:
    return _leaky(net, net.conv(name, x, channels, 3, stride=stride, padding=_EVEN))


def _pointwise(net: GraphBuilder, name: str, x: str, channels: int) -> str:
    return _leaky(net, net.conv(name, x, channels, 1))


def _backbone(net: GraphBuilder) -> list[str]:
    """The maps at strides 8, 16 and 32."""
    x, maps = _conv3x3(net, "stem", "input", 8, 2), []
    for stage, blocks in enumerate(_STAGES, 1):
        for i, (channels, stride) in enumerate(blocks):
            name = f"stage{stage}/block{i}"
            x = _leaky(net, net.depthwise(f"{name}/depthwise", x, 3, stride=stride, padding=_EVEN))
            x = _pointwise(net, f"{name}/pointwise", x, channels)
        maps.append(x)
    return maps


def _pyramid(net: GraphBuilder, maps: list[str]) -> list[str]:
    """The maps at one width, each but the last with the coarser one added."""
    levels = [_pointwise(net, f"pyramid{i}/lateral", x, _WIDTH) for i, x in enumerate(maps)]
    for i in (1, 0):
        _, height, width, _ = net.shape(levels[i])
        y = net.resize(f"pyramid{i}/resize", levels[i + 1], (height, width), "nearest")
        y = net.add(f"pyramid{i}/add", levels[i], y)
        levels[i] = _conv3x3(net, f"pyramid{i}/merge", y, _WIDTH)
    return levels


def _ssh(net: GraphBuilder, name: str, x: str) -> str:
    """Fields of 3x3, 5x5 and 7x7 pixels side by side, out of 3x3 convolutions."""

    def end(label: str, y: str, channels: int) -> str:
        return net.conv(f"{name}/{label}", y, channels, 3, padding=_EVEN, activation="relu")

    three = end("3x3", x, _WIDTH // 2)
    y = _conv3x3(net, f"{name}/reduce", x, _WIDTH // 4)
    five = end("5x5", y, _WIDTH // 4)
    y = _conv3x3(net, f"{name}/7x7_reduce", y, _WIDTH // 4)
    return net.concatenate(f"{name}/output", three, five, end("7x7", y, _WIDTH // 4))


def _ddc(net: GraphBuilder, name: str, x: str) -> str:
    """Fields of 3x3, 5x5 and 7x7 pixels side by side, out of dilated depthwise convolutions."""
    ends = []
    for dilation, channels in ((1, _WIDTH // 2), (2, _WIDTH // 4), (3, _WIDTH // 4)):
        branch = f"{name}/dilation{dilation}"
        y = net.depthwise(f"{branch}/depthwise", x, 3, dilation=dilation)
        ends.append(net.conv(f"{branch}/pointwise", y, channels, 1, activation="relu"))
    return net.concatenate(f"{name}/output", *ends)


def _retinaface(name: str, size: Pair, context: Context) -> Graph:
    net = GraphBuilder(name, (*size, 3))
    outputs = []
    for i, level in enumerate(_pyramid(net, _backbone(net))):
        x = context(net, f"context{i}", level)
        for head, values in _HEADS.items():
            outputs.append(net.conv(f"head{i}/{head}", x, _ANCHORS * values, 1))
    return net.finish(*outputs)


NETWORKS = {
    "retinaface_mnet025_ddc": Network(partial(_retinaface, context=_ddc), size=(480, 640)),
    "retinaface_mnet025_ssh": Network(partial(_retinaface, context=_ssh), size=(480, 640)),
}
