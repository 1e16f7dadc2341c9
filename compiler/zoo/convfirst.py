"""Blocks of grouped convolutions of width 8 (arXiv 2404.03617), and small networks of them.

Source of the blocks, and of the shapes of the two that stand alone: andravin/spio,
scripts/profile_block.py and profile_blocks.bash. The paper's networks are not published layer by
layer; widths and depths of the networks here are this project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network
from compiler.zoo.padding import even_padding

GROUP_WIDTH = 8

#: Channels and blocks of each stage; the first block halves the map.
_STAGES = ((32, 2), (64, 2), (128, 4), (256, 2))

#: Appends a block: builder, name, input, channels, expansion and stride.
Block = Callable[[GraphBuilder, str, str, int, int, int], str]


def _grouped(net: GraphBuilder, name: str, x: str, stride: int, activation: str = "none") -> str:
    channels = net.channels(x)
    return net.conv(
        name,
        x,
        channels,
        3,
        stride=stride,
        padding=even_padding(3),
        groups=channels // GROUP_WIDTH,
        activation=activation,
    )


def _joined(net: GraphBuilder, name: str, x: str, y: str, stride: int) -> str:
    """The sum with the block's input where shapes agree."""
    agree = stride == 1 and net.channels(x) == net.channels(y)
    return net.add(f"{name}/add", x, y) if agree else y


def _convfirst(
    net: GraphBuilder, name: str, x: str, channels: int, expansion: int, stride: int
) -> str:
    """A grouped convolution without activation, then an expansion and a projection."""
    y = _grouped(net, f"{name}/grouped", x, stride)
    y = net.conv(f"{name}/expand", y, expansion * net.channels(x), 1, activation="silu")
    y = net.conv(f"{name}/project", y, channels, 1)
    return _joined(net, name, x, y, stride)


def _mbconv(
    net: GraphBuilder, name: str, x: str, channels: int, expansion: int, stride: int
) -> str:
    """A grouped convolution between an expansion and a projection."""
    y = net.conv(f"{name}/expand", x, expansion * net.channels(x), 1, activation="silu")
    y = _grouped(net, f"{name}/grouped", y, stride, "silu")
    y = net.conv(f"{name}/project", y, channels, 1)
    return _joined(net, name, x, y, stride)


def _alone(name: str, size: Pair, block: Block, channels: int, expansion: int) -> Graph:
    """One block over a map of that many channels."""
    net = GraphBuilder(name, (*size, channels))
    return net.finish(block(net, "block", "input", channels, expansion, 1))


def _small(name: str, size: Pair, block: Block, expansion: int) -> Graph:
    """A classifier of 1000 classes."""
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", 32, 3, stride=2, padding=even_padding(3), activation="silu")
    for stage, (channels, blocks) in enumerate(_STAGES):
        for i in range(blocks):
            stride = 2 if i == 0 else 1
            x = block(net, f"stage{stage}/block{i}", x, channels, expansion, stride)
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS = {
    "convfirst_block": Network(
        partial(_alone, block=_convfirst, channels=64, expansion=6), size=(64, 64), reduced=(8, 8)
    ),
    "convfirst_small": Network(partial(_small, block=_convfirst, expansion=6)),
    "mbconv_block": Network(
        partial(_alone, block=_mbconv, channels=256, expansion=4), size=(16, 16), reduced=(4, 4)
    ),
    "mbconv_small": Network(partial(_small, block=_mbconv, expansion=4)),
}
