"""DeepLab v3 (arXiv 1706.05587) on MobileNetV2 of width 0.5, 21 classes at 257 x 257.

Source of the layers: Google's TFLite example model deeplabv3.tflite; tensorflow/models,
research/deeplab, output stride 8. From that stride on, a block dilates by what its predecessors
would have strided. Of the two bilinear resizes at the end, one from a size to itself is left out.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.zoo.blocks import inverted_residual
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.mobilenet_v2 import STAGES
from compiler.zoo.network import Network

_OUTPUT_STRIDE = 8


def _backbone(net: GraphBuilder) -> str:
    x = net.conv("stem", "input", 16, 3, stride=2, activation="relu6")
    index, reached, dilation = 0, 2, 1
    for expansion, channels, repeats, first_stride in STAGES:
        for repeat in range(repeats):
            wanted = first_stride if repeat == 0 else 1
            stride = 1 if reached == _OUTPUT_STRIDE else wanted
            x = inverted_residual(
                net, f"block{index}", x, channels // 2, 3, stride, expansion, dilation
            )
            reached *= stride
            dilation *= wanted // stride
            index += 1
    return x


def _deeplab_v3_mobilenet_v2(name: str, size: Pair) -> Graph:
    net = GraphBuilder(name, (*size, 3))
    x = _backbone(net)
    _, height, width, _ = net.shape(x)
    y = net.global_avg_pool("image/pool", x)
    y = net.conv("image/conv", y, 256, 1, activation="relu")
    y = net.resize("image/resize", y, (height, width), "bilinear", align_corners=True)
    x = net.conv("aspp", x, 256, 1, activation="relu")
    x = net.concatenate("features", y, x)
    x = net.conv("head/conv", x, 256, 1, activation="relu")
    x = net.conv("head/classes", x, 21, 1)
    return net.finish(net.resize("head/logits", x, size, "bilinear", align_corners=True))


NETWORKS = {
    "deeplab_v3_mobilenet_v2": Network(_deeplab_v3_mobilenet_v2, size=(257, 257), reduced=(33, 33)),
}
