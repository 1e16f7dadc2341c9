"""ConvNeXt (arXiv 2201.03545).

Source of the layers: pytorch/vision, torchvision/models/convnext.py, and for the widths of the
smallest form huggingface/pytorch-image-models, timm/models/convnext.py. The scale of a block's
branch is folded into its last convolution.
"""

from __future__ import annotations

from functools import partial

from compiler.ir.graph import Graph
from compiler.zoo.builder import GraphBuilder, Pair
from compiler.zoo.network import Network
from compiler.zoo.padding import even_padding

_EPSILON = 1e-6


def _block(net: GraphBuilder, name: str, x: str) -> str:
    channels = net.channels(x)
    y = net.depthwise(f"{name}/depthwise", x, 7, padding=even_padding(7))
    y = net.layer_norm(f"{name}/norm", y, _EPSILON)
    y = net.conv(f"{name}/expand", y, 4 * channels, 1, activation="gelu")
    y = net.conv(f"{name}/project", y, channels, 1)
    return net.add(f"{name}/add", x, y)


def _patches(net: GraphBuilder, name: str, x: str, channels: int, side: int) -> str:
    """A convolution of squares of pixels side by side."""
    return net.conv(name, x, channels, side, stride=side, padding=(0, 0, 0, 0))


def _convnext(name: str, size: Pair, widths: tuple[int, ...], depths: tuple[int, ...]) -> Graph:
    """The network with the given channels and blocks per stage."""
    net = GraphBuilder(name, (*size, 3))
    x = _patches(net, "stem", "input", widths[0], 4)
    x = net.layer_norm("stem/norm", x, _EPSILON)
    for stage, (channels, blocks) in enumerate(zip(widths, depths, strict=True)):
        if stage:
            x = net.layer_norm(f"stage{stage}/norm", x, _EPSILON)
            x = _patches(net, f"stage{stage}/down", x, channels, 2)
        for i in range(blocks):
            x = _block(net, f"stage{stage}/block{i}", x)
    x = net.global_avg_pool("head/pool", x)
    x = net.layer_norm("head/norm", x, _EPSILON)
    return net.finish(net.fully_connected("head/logits", x, 1000))


NETWORKS = {
    "convnext_atto": Network(partial(_convnext, widths=(40, 80, 160, 320), depths=(2, 2, 6, 2))),
    "convnext_tiny": Network(partial(_convnext, widths=(96, 192, 384, 768), depths=(3, 3, 9, 3))),
}
