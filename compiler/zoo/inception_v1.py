"""Inception v1, GoogLeNet (arXiv 1409.4842), at 224 x 224.

Source of the layers: table 1 of the paper, with 5 x 5 branches; local response normalisation is
left out, as in every later form of the network. Pools of stride 2 keep their last window. The
auxiliary classifiers are those of section 5, on 4a and 4d.
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
    """Output channels of the four branches; pairs are those of the reduction and the kernel."""

    one: int
    three: tuple[int, int]
    five: tuple[int, int]
    pool: int


#: The modules of each resolution; a pool of stride 2 stands before 4a and 5a.
_STAGES = {
    "3": (
        _Module(64, (96, 128), (16, 32), 32),
        _Module(128, (128, 192), (32, 96), 64),
    ),
    "4": (
        _Module(192, (96, 208), (16, 48), 64),
        _Module(160, (112, 224), (24, 64), 64),
        _Module(128, (128, 256), (24, 64), 64),
        _Module(112, (144, 288), (32, 64), 64),
        _Module(256, (160, 320), (32, 128), 128),
    ),
    "5": (
        _Module(256, (160, 320), (32, 128), 128),
        _Module(384, (192, 384), (48, 128), 128),
    ),
}


_HEADS = ("4a", "4d")


def _module(net: GraphBuilder, name: str, x: str, module: _Module) -> str:
    one = net.conv(f"{name}/1x1", x, module.one, 1, activation="relu")
    three = net.conv(f"{name}/3x3_reduce", x, module.three[0], 1, activation="relu")
    three = net.conv(f"{name}/3x3", three, module.three[1], 3, activation="relu")
    five = net.conv(f"{name}/5x5_reduce", x, module.five[0], 1, activation="relu")
    five = net.conv(f"{name}/5x5", five, module.five[1], 5, activation="relu")
    pool = net.max_pool(f"{name}/pool", x, 3)
    pool = net.conv(f"{name}/pool_project", pool, module.pool, 1, activation="relu")
    return net.concatenate(f"{name}/output", one, three, five, pool)


def _inception_v1(name: str, size: Pair, heads: tuple[str, ...] = ()) -> Graph:
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem/7x7", "input", 64, 7, stride=2, activation="relu")
    x = net.max_pool("stem/pool1", x, 3, stride=2, padding="ceil")
    x = net.conv("stem/3x3_reduce", x, 64, 1, activation="relu")
    x = net.conv("stem/3x3", x, 192, 3, activation="relu")
    x = net.max_pool("stem/pool2", x, 3, stride=2, padding="ceil")
    extra: list[str] = []
    for stage, modules in _STAGES.items():
        if stage != "3":
            x = net.max_pool(f"{stage}/pool", x, 3, stride=2, padding="ceil")
        for letter, module in zip("abcde", modules, strict=False):
            x = _module(net, f"{stage}{letter}", x, module)
            if f"{stage}{letter}" in heads:
                extra.append(auxiliary_head(net, f"{stage}{letter}/auxiliary", x))
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000), *extra)


NETWORKS = {"inception_v1": Network(_inception_v1, with_heads=partial(_inception_v1, heads=_HEADS))}
