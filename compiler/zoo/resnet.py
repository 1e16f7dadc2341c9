"""Residual networks (arXiv 1512.03385) at 224 x 224, with projections where shapes change.

Source of the layers: table 1 and figure 5 of the paper. Bottleneck blocks stride in their first
convolution. Convolutions pad evenly, as in Caffe.
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder

#: Channels of the 3x3 convolutions of each stage.
_CHANNELS = (64, 128, 256, 512)


def _basic(net: GraphBuilder, name: str, x: str, channels: int, stride: int) -> str:
    """Two 3x3 convolutions."""
    y = net.conv(f"{name}/a", x, channels, 3, stride=stride, padding=_even(3), activation="relu")
    y = net.conv(f"{name}/b", y, channels, 3)
    return _joined(net, name, x, y, stride)


def _bottleneck(net: GraphBuilder, name: str, x: str, channels: int, stride: int) -> str:
    """1x1, 3x3 and 1x1 to four times the channels."""
    y = net.conv(f"{name}/a", x, channels, 1, stride=stride, activation="relu")
    y = net.conv(f"{name}/b", y, channels, 3, activation="relu")
    y = net.conv(f"{name}/c", y, 4 * channels, 1)
    return _joined(net, name, x, y, stride)


def _joined(net: GraphBuilder, name: str, x: str, y: str, stride: int) -> str:
    if stride != 1 or net.channels(x) != net.channels(y):
        x = net.conv(f"{name}/shortcut", x, net.channels(y), 1, stride=stride)
    return net.add(f"{name}/add", x, y, activation="relu")


def _even(kernel: int) -> tuple[int, int, int, int]:
    half = kernel // 2
    return half, half, half, half


def _resnet(name: str, block: Callable[..., str], repeats: tuple[int, ...]) -> Graph:
    net = GraphBuilder(name, (224, 224, 3))
    x = net.conv("stem", "input", 64, 7, stride=2, padding=_even(7), activation="relu")
    x = net.max_pool("stem/pool", x, 3, stride=2, padding=_even(3))
    for stage, (channels, count) in enumerate(zip(_CHANNELS, repeats, strict=True)):
        for i in range(count):
            stride = 2 if stage and i == 0 else 1
            x = block(net, f"stage{stage + 2}/block{i}", x, channels, stride)
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS: dict[str, Callable[[], Graph]] = {
    "resnet18": lambda: _resnet("resnet18", _basic, (2, 2, 2, 2)),
    "resnet50": lambda: _resnet("resnet50", _bottleneck, (3, 4, 6, 3)),
}
