"""ShuffleNet V2 (arXiv 1807.11164) at width 1.

Source of the layers: pytorch/vision, torchvision/models/shufflenetv2.py. Convolutions and the pool
pad evenly.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network
from compiler.zoo.padding import even_padding

#: Channels and units of each stage; the first unit halves the map.
_STAGES = ((116, 4), (232, 8), (464, 4))

_EVEN = even_padding(3)


def _branch(net: GraphBuilder, name: str, x: str, channels: int, stride: int) -> str:
    x = net.conv(f"{name}/expand", x, channels, 1, activation="relu")
    x = net.depthwise(f"{name}/depthwise", x, 3, stride=stride, padding=_EVEN)
    return net.conv(f"{name}/project", x, channels, 1, activation="relu")


def _unit(net: GraphBuilder, name: str, x: str) -> str:
    """Half of the channels as they are, next to a branch over the others; then shuffled."""
    half = net.channels(x) // 2
    kept = net.slice(f"{name}/kept", x, 0, half)
    y = _branch(net, f"{name}/branch", net.slice(f"{name}/split", x, half, half), half, 1)
    return net.shuffle(f"{name}/shuffle", net.concatenate(f"{name}/output", kept, y), 2)


def _down_unit(net: GraphBuilder, name: str, x: str, channels: int) -> str:
    """Two branches over all channels that halve the map; then shuffled."""
    y = net.depthwise(f"{name}/shortcut/depthwise", x, 3, stride=2, padding=_EVEN)
    y = net.conv(f"{name}/shortcut/project", y, channels // 2, 1, activation="relu")
    x = _branch(net, f"{name}/branch", x, channels // 2, 2)
    return net.shuffle(f"{name}/shuffle", net.concatenate(f"{name}/output", y, x), 2)


def _shufflenet_v2(name: str, size: Pair) -> Graph:
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", 24, 3, stride=2, padding=_EVEN, activation="relu")
    x = net.max_pool("stem/pool", x, 3, stride=2, padding=_EVEN)
    for stage, (channels, units) in enumerate(_STAGES, 2):
        x = _down_unit(net, f"stage{stage}/unit0", x, channels)
        for i in range(1, units):
            x = _unit(net, f"stage{stage}/unit{i}", x)
    x = net.conv("head/conv", x, 1024, 1, activation="relu")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS = {"shufflenet_v2": Network(_shufflenet_v2)}
