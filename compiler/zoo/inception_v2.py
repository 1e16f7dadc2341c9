"""Inception v2, the network with batch normalisation (arXiv 1502.03167), at 224 x 224.

Source of the layers: tensorflow/models, research/slim/nets/inception_v2.py, whose stem is a
separable convolution with eight channels of the first for each colour. The auxiliary classifiers
are not in it. The paper says that the network is GoogLeNet but for the changes that it lists, and
lists none of them. So they are GoogLeNet's, on the first and the fourth module of that resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from compiler.ir.graph import Graph
from compiler.zoo.auxiliary import auxiliary_head
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network


@dataclass(frozen=True)
class _Module:
    """Output channels of the branches: 1x1, 1x1 to 3x3, 1x1 to two 3x3, and pool to 1x1.

    Without ``one`` the module halves the map: strides of 2, and a pool that nothing follows.
    """

    one: int
    three: tuple[int, int]
    double: tuple[int, int, int]
    pool: int = 0
    maximum: bool = False


_MODULES = {
    "3b": _Module(64, (64, 64), (64, 96, 96), 32),
    "3c": _Module(64, (64, 96), (64, 96, 96), 64),
    "4a": _Module(0, (128, 160), (64, 96, 96), maximum=True),
    "4b": _Module(224, (64, 96), (96, 128, 128), 128),
    "4c": _Module(192, (96, 128), (96, 128, 128), 128),
    "4d": _Module(160, (128, 160), (128, 160, 160), 96),
    "4e": _Module(96, (128, 192), (160, 192, 192), 96),
    "5a": _Module(0, (128, 192), (192, 256, 256), maximum=True),
    "5b": _Module(352, (192, 320), (160, 224, 224), 128),
    "5c": _Module(352, (192, 320), (192, 224, 224), 128, maximum=True),
}


_HEADS = ("4b", "4e")


def _module(net: GraphBuilder, name: str, x: str, m: _Module) -> str:
    stride = 1 if m.one else 2
    branches = [net.conv(f"{name}/1x1", x, m.one, 1, activation="relu")] if m.one else []
    y = net.conv(f"{name}/3x3_reduce", x, m.three[0], 1, activation="relu")
    y = net.conv(f"{name}/3x3", y, m.three[1], 3, stride=stride, activation="relu")
    branches.append(y)
    y = net.conv(f"{name}/double_reduce", x, m.double[0], 1, activation="relu")
    y = net.conv(f"{name}/double_a", y, m.double[1], 3, activation="relu")
    y = net.conv(f"{name}/double_b", y, m.double[2], 3, stride=stride, activation="relu")
    branches.append(y)
    pool = net.max_pool if m.maximum else net.avg_pool
    y = pool(f"{name}/pool", x, 3, stride=stride)
    if m.pool:
        y = net.conv(f"{name}/pool_project", y, m.pool, 1, activation="relu")
    return net.concatenate(f"{name}/output", *branches, y)


def _inception_v2(name: str, size: Pair, heads: tuple[str, ...] = ()) -> Graph:
    net = GraphBuilder(name, (*size, 3))
    x = net.depthwise("stem/depthwise", "input", 7, stride=2, multiplier=8)
    x = net.conv("stem/pointwise", x, 64, 1, activation="relu")
    x = net.max_pool("stem/pool1", x, 3, stride=2)
    x = net.conv("stem/1x1", x, 64, 1, activation="relu")
    x = net.conv("stem/3x3", x, 192, 3, activation="relu")
    x = net.max_pool("stem/pool2", x, 3, stride=2)
    extra: list[str] = []
    for module, widths in _MODULES.items():
        x = _module(net, module, x, widths)
        if module in heads:
            extra.append(auxiliary_head(net, f"{module}/auxiliary", x))
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000), *extra)


NETWORKS = {"inception_v2": Network(_inception_v2, with_heads=partial(_inception_v2, heads=_HEADS))}
