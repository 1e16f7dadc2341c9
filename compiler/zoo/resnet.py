"""Residual networks (arXiv 1512.03385), with projections where shapes change.

Source of the layers: table 1 and figure 5 of the paper, and section 4.2 for the network of
CIFAR-100 at 32 x 32. Bottleneck blocks stride in their first convolution. Convolutions pad evenly,
as in Caffe.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network
from compiler.zoo.padding import even_padding

#: Appends a 3x3 convolution: builder, name, input, channels, stride and activation.
Conv3x3 = Callable[[GraphBuilder, str, str, int, int, str], str]

#: Appends a block: builder, name, input, channels of the 3x3 convolutions, stride and these.
Block = Callable[[GraphBuilder, str, str, int, int, Conv3x3], str]

#: Channels of the 3x3 convolutions of each stage.
_CHANNELS = (64, 128, 256, 512)
_CIFAR_CHANNELS = (16, 32, 64)


def regular(
    net: GraphBuilder, name: str, x: str, channels: int, stride: int, activation: str
) -> str:
    """A regular 3x3 convolution."""
    return net.conv(
        name, x, channels, 3, stride=stride, padding=even_padding(3), activation=activation
    )


def basic(
    net: GraphBuilder, name: str, x: str, channels: int, stride: int, conv3x3: Conv3x3
) -> str:
    """Two 3x3 convolutions."""
    y = conv3x3(net, f"{name}/a", x, channels, stride, "relu")
    y = conv3x3(net, f"{name}/b", y, channels, 1, "none")
    return _joined(net, name, x, y, stride)


def bottleneck(
    net: GraphBuilder, name: str, x: str, channels: int, stride: int, conv3x3: Conv3x3
) -> str:
    """1x1, 3x3 and 1x1 to four times the channels."""
    y = net.conv(f"{name}/a", x, channels, 1, stride=stride, activation="relu")
    y = conv3x3(net, f"{name}/b", y, channels, 1, "relu")
    y = net.conv(f"{name}/c", y, 4 * channels, 1)
    return _joined(net, name, x, y, stride)


def _joined(net: GraphBuilder, name: str, x: str, y: str, stride: int) -> str:
    if stride != 1 or net.channels(x) != net.channels(y):
        x = net.conv(f"{name}/shortcut", x, net.channels(y), 1, stride=stride)
    return net.add(f"{name}/add", x, y, activation="relu")


def resnet(
    name: str, size: Pair, block: Block, repeats: tuple[int, ...], conv3x3: Conv3x3 = regular
) -> Graph:
    """The network of ImageNet, with ``repeats`` blocks per stage."""
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", 64, 7, stride=2, padding=even_padding(7), activation="relu")
    x = net.max_pool("stem/pool", x, 3, stride=2, padding=even_padding(3))
    for stage, (channels, count) in enumerate(zip(_CHANNELS, repeats, strict=True)):
        for i in range(count):
            stride = 2 if stage and i == 0 else 1
            x = block(net, f"stage{stage + 2}/block{i}", x, channels, stride, conv3x3)
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


def cifar_resnet(name: str, size: Pair, conv3x3: Conv3x3 = regular) -> Graph:
    """The network of CIFAR-100 with 20 layers: three basic blocks per stage."""
    net = GraphBuilder(name, (*size, 3))
    x = conv3x3(net, "stem", "input", _CIFAR_CHANNELS[0], 1, "relu")
    for stage, channels in enumerate(_CIFAR_CHANNELS):
        for i in range(3):
            stride = 2 if stage and i == 0 else 1
            x = basic(net, f"stage{stage + 1}/block{i}", x, channels, stride, conv3x3)
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 100))


NETWORKS = {
    "resnet18": Network(partial(resnet, block=basic, repeats=(2, 2, 2, 2))),
    "resnet20": Network(cifar_resnet, (32, 32), (16, 16)),
    "resnet50": Network(partial(resnet, block=bottleneck, repeats=(3, 4, 6, 3))),
}
