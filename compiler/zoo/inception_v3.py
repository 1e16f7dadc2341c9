"""Inception v3 (arXiv 1512.00567) at 299 x 299, without its auxiliary classifier.

Source of the layers: pytorch/vision, torchvision/models/inception.py. Averages leave padding out,
as in TensorFlow's definition.
"""

from __future__ import annotations

from typing import Any

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network

#: Channels and kernel of each convolution of a branch.
_Chain = tuple[tuple[int, int | Pair], ...]

_ROW, _COLUMN = (1, 7), (7, 1)


def _branch(net: GraphBuilder, name: str, x: str, chain: _Chain, reduces: bool = False) -> str:
    """Convolutions one after another; if it ``reduces``, the last halves the map."""
    for i, (channels, kernel) in enumerate(chain):
        window: dict[str, Any] = {}
        if reduces and i == len(chain) - 1:
            window = {"stride": 2, "padding": (0, 0, 0, 0)}
        x = net.conv(f"{name}{i}", x, channels, kernel, activation="relu", **window)
    return x


def _module(net: GraphBuilder, name: str, x: str, pool: int, *chains: _Chain) -> str:
    """Branches side by side, and an average with a 1x1 convolution of ``pool`` channels."""
    ends = [_branch(net, f"{name}/branch{i}/", x, chain) for i, chain in enumerate(chains)]
    y = net.avg_pool(f"{name}/pool", x, 3)
    ends.append(net.conv(f"{name}/pool_project", y, pool, 1, activation="relu"))
    return net.concatenate(f"{name}/output", *ends)


def _reduction(net: GraphBuilder, name: str, x: str, *chains: _Chain) -> str:
    """Branches that halve the map, next to pooling that does."""
    ends = [_branch(net, f"{name}/branch{i}/", x, chain, True) for i, chain in enumerate(chains)]
    ends.append(net.max_pool(f"{name}/pool", x, 3, stride=2, padding=(0, 0, 0, 0)))
    return net.concatenate(f"{name}/output", *ends)


def _wide(net: GraphBuilder, name: str, x: str) -> str:
    """The last modules, whose branches end in a row and a column kernel side by side."""
    ends = [net.conv(f"{name}/1x1", x, 320, 1, activation="relu")]
    for branch, chain in (("3x3", ((384, 1),)), ("double", ((448, 1), (384, 3)))):
        y = _branch(net, f"{name}/{branch}/", x, chain)
        ends.append(net.conv(f"{name}/{branch}/1x3", y, 384, (1, 3), activation="relu"))
        ends.append(net.conv(f"{name}/{branch}/3x1", y, 384, (3, 1), activation="relu"))
    y = net.avg_pool(f"{name}/pool", x, 3)
    ends.append(net.conv(f"{name}/pool_project", y, 192, 1, activation="relu"))
    return net.concatenate(f"{name}/output", *ends)


def _stem(net: GraphBuilder) -> str:
    valid = (0, 0, 0, 0)
    x = net.conv("stem/conv1", "input", 32, 3, stride=2, padding=valid, activation="relu")
    x = net.conv("stem/conv2", x, 32, 3, padding=valid, activation="relu")
    x = net.conv("stem/conv3", x, 64, 3, activation="relu")
    x = net.max_pool("stem/pool1", x, 3, stride=2, padding=valid)
    x = net.conv("stem/conv4", x, 80, 1, activation="relu")
    x = net.conv("stem/conv5", x, 192, 3, padding=valid, activation="relu")
    return net.max_pool("stem/pool2", x, 3, stride=2, padding=valid)


def _inception_v3(name: str, size: Pair) -> Graph:
    net = GraphBuilder(name, (*size, 3))
    x = _stem(net)
    for letter, pool in zip("bcd", (32, 64, 64), strict=True):
        x = _module(
            net,
            f"5{letter}",
            x,
            pool,
            ((64, 1),),
            ((48, 1), (64, 5)),
            ((64, 1), (96, 3), (96, 3)),
        )
    x = _reduction(net, "6a", x, ((384, 3),), ((64, 1), (96, 3), (96, 3)))
    for letter, inner in zip("bcde", (128, 160, 160, 192), strict=True):
        x = _module(
            net,
            f"6{letter}",
            x,
            192,
            ((192, 1),),
            ((inner, 1), (inner, _ROW), (192, _COLUMN)),
            ((inner, 1), (inner, _COLUMN), (inner, _ROW), (inner, _COLUMN), (192, _ROW)),
        )
    x = _reduction(
        net, "7a", x, ((192, 1), (320, 3)), ((192, 1), (192, _ROW), (192, _COLUMN), (192, 3))
    )
    x = _wide(net, "7c", _wide(net, "7b", x))
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS = {"inception_v3": Network(_inception_v3, size=(299, 299), reduced=(75, 75))}
