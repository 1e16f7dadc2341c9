"""SqueezeNet 1.1 (arXiv 1602.07360) at 227 x 227.

Source of the layers: forresti/SqueezeNet, SqueezeNet_v1.1/train_val.prototxt. Pools keep their last
window, as Caffe's do.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network

#: Squeezed and expanded channels of the fire modules of each resolution.
_STAGES = (
    ((16, 64), (16, 64)),
    ((32, 128), (32, 128)),
    ((48, 192), (48, 192), (64, 256), (64, 256)),
)


def _fire(net: GraphBuilder, name: str, x: str, squeeze: int, expand: int) -> str:
    x = net.conv(f"{name}/squeeze", x, squeeze, 1, activation="relu")
    one = net.conv(f"{name}/expand1x1", x, expand, 1, activation="relu")
    three = net.conv(f"{name}/expand3x3", x, expand, 3, activation="relu")
    return net.concatenate(f"{name}/output", one, three)


def _squeezenet(name: str, size: Pair) -> Graph:
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", 64, 3, stride=2, padding=(0, 0, 0, 0), activation="relu")
    index = 2
    for stage, modules in enumerate(_STAGES):
        x = net.max_pool(f"pool{stage}", x, 3, stride=2, padding="ceil")
        for squeeze, expand in modules:
            x = _fire(net, f"fire{index}", x, squeeze, expand)
            index += 1
    x = net.conv("head/conv", x, 1000, 1, activation="relu")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.reshape("head/logits", x, (1, 1000)))


NETWORKS = {"squeezenet_1_1": Network(_squeezenet, size=(227, 227))}
