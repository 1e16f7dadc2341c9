"""MobileNetV1 (arXiv 1704.04861) at 224 x 224, with the padding of its TensorFlow definition.

Source of the layers: tensorflow/models, research/slim/nets/mobilenet_v1.py. The form with 5 x 5
depthwise kernels is that of arXiv 2104.14125.
"""

from __future__ import annotations

from functools import partial

from compiler.ir.graph import Graph
from compiler.zoo.blocks import deeper
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network

#: Output channels at width 1, repeats and stride of the first block of each stage.
STAGES = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 6, 2), (1024, 2, 2))


def blocks(depth: float = 1.0) -> list[tuple[int, int]]:
    """Output channels at width 1 and stride of each depthwise separable block."""
    return [
        (channels, 1 if repeat else stride)
        for channels, repeats, stride in STAGES
        for repeat in range(deeper(repeats, depth))
    ]


def mobilenet_v1(
    name: str, size: Pair, width: float = 1.0, depth: float = 1.0, kernel: int = 3
) -> Graph:
    """The network with all channel counts times ``width``, repeats times ``depth`` and depthwise
    kernels of that size."""
    net = GraphBuilder(name, (*size, 3))
    x = net.conv("stem", "input", max(1, int(32 * width)), 3, stride=2, activation="relu6")
    for i, (channels, stride) in enumerate(blocks(depth), 1):
        x = net.depthwise(f"block{i}/depthwise", x, kernel, stride=stride, activation="relu6")
        wide = max(1, int(channels * width))
        x = net.conv(f"block{i}/pointwise", x, wide, 1, activation="relu6")
    x = net.global_avg_pool("head/pool", x)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS = {
    "mobilenet_v1": Network(partial(mobilenet_v1, width=1.0)),
    "mobilenet_v1_075": Network(partial(mobilenet_v1, width=0.75)),
    "mobilenet_v1_050": Network(partial(mobilenet_v1, width=0.5)),
    "mobilenet_v1_025": Network(partial(mobilenet_v1, width=0.25)),
    "mobilenet_v1_025_dw5x5": Network(partial(mobilenet_v1, width=0.25, kernel=5)),
}
