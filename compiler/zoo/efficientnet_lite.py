"""EfficientNet-Lite0 at 224 x 224: EfficientNet without squeeze-and-excitation, relu6 for swish.

Source of the layers: tensorflow/tpu, models/official/efficientnet/lite,
efficientnet_lite_builder.py.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.zoo.blocks import deeper, inverted_residual, wider
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network

#: Repeats, kernel, stride of the first block, expansion and output channels of each stage.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def efficientnet_lite(name: str, size: Pair, width: float = 1.0, depth: float = 1.0) -> Graph:
    """The network with channel counts times ``width`` and repeats times ``depth``, without those of
    stem and head, and with single blocks kept in the first and the last stage."""
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", 32, 3, stride=2, activation="relu6")
    index = 0
    for stage, (repeats, kernel, first_stride, expansion, channels) in enumerate(_STAGES):
        wide = wider(channels, width)
        fixed = stage in (0, len(_STAGES) - 1)
        for repeat in range(repeats if fixed else deeper(repeats, depth)):
            stride = first_stride if repeat == 0 else 1
            x = inverted_residual(net, f"block{index}", x, wide, kernel, stride, expansion)
            index += 1
    x = net.conv("head/conv", x, 1280, 1, activation="relu6")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS = {"efficientnet_lite0": Network(efficientnet_lite)}
