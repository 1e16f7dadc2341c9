"""MobileNetV3 (arXiv 1905.02244) with its squeeze-and-excitation and hard swish.

Source of the layers: pytorch/vision, torchvision/models/mobilenetv3.py. Convolutions pad evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.graph import Graph
from compiler.zoo.blocks import squeeze_excitation
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network
from compiler.zoo.padding import even_padding

_RE, _HS = "relu", "hard_swish"


@dataclass(frozen=True)
class _Block:
    """Depthwise kernel and its channels, output channels, squeeze, activation and stride."""

    kernel: int
    inner: int
    channels: int
    squeeze: bool
    activation: str
    stride: int


_LARGE = (
    _Block(3, 16, 16, False, _RE, 1),
    _Block(3, 64, 24, False, _RE, 2),
    _Block(3, 72, 24, False, _RE, 1),
    _Block(5, 72, 40, True, _RE, 2),
    _Block(5, 120, 40, True, _RE, 1),
    _Block(5, 120, 40, True, _RE, 1),
    _Block(3, 240, 80, False, _HS, 2),
    _Block(3, 200, 80, False, _HS, 1),
    _Block(3, 184, 80, False, _HS, 1),
    _Block(3, 184, 80, False, _HS, 1),
    _Block(3, 480, 112, True, _HS, 1),
    _Block(3, 672, 112, True, _HS, 1),
    _Block(5, 672, 160, True, _HS, 2),
    _Block(5, 960, 160, True, _HS, 1),
    _Block(5, 960, 160, True, _HS, 1),
)

_SMALL = (
    _Block(3, 16, 16, True, _RE, 2),
    _Block(3, 72, 24, False, _RE, 2),
    _Block(3, 88, 24, False, _RE, 1),
    _Block(5, 96, 40, True, _HS, 2),
    _Block(5, 240, 40, True, _HS, 1),
    _Block(5, 240, 40, True, _HS, 1),
    _Block(5, 120, 48, True, _HS, 1),
    _Block(5, 144, 48, True, _HS, 1),
    _Block(5, 288, 96, True, _HS, 2),
    _Block(5, 576, 96, True, _HS, 1),
    _Block(5, 576, 96, True, _HS, 1),
)


def _block(net: GraphBuilder, name: str, x: str, block: _Block) -> str:
    source = x
    if block.inner != net.channels(x):
        x = net.conv(f"{name}/expand", x, block.inner, 1, activation=block.activation)
    x = net.depthwise(
        f"{name}/depthwise",
        x,
        block.kernel,
        stride=block.stride,
        padding=even_padding(block.kernel),
        activation=block.activation,
    )
    if block.squeeze:
        x = squeeze_excitation(net, f"{name}/se", x)
    x = net.conv(f"{name}/project", x, block.channels, 1)
    if block.stride == 1 and net.channels(source) == block.channels:
        x = net.add(f"{name}/add", source, x)
    return x


def _mobilenet_v3(name: str, size: Pair, blocks: tuple[_Block, ...], features: int) -> Graph:
    """The network with that many features before the classifier."""
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", 16, 3, stride=2, padding=even_padding(3), activation=_HS)
    for i, block in enumerate(blocks):
        x = _block(net, f"block{i}", x, block)
    x = net.conv("head/conv", x, 6 * net.channels(x), 1, activation=_HS)
    x = net.global_avg_pool("head/pool", x)
    x = net.fully_connected("head/features", x, features, activation=_HS)
    return net.finish(net.fully_connected("head/logits", x, 1000))


def mobilenet_v3_large(name: str, size: Pair) -> Graph:
    """The large network at width 1."""
    return _mobilenet_v3(name, size, _LARGE, 1280)


def mobilenet_v3_small(name: str, size: Pair) -> Graph:
    """The small network at width 1."""
    return _mobilenet_v3(name, size, _SMALL, 1024)


NETWORKS = {
    "mobilenet_v3_large": Network(mobilenet_v3_large),
    "mobilenet_v3_small": Network(mobilenet_v3_small),
}
