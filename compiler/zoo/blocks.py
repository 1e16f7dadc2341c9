"""Blocks that several families share."""

from __future__ import annotations

from compiler.zoo.builder import GraphBuilder


def inverted_residual(
    net: GraphBuilder,
    name: str,
    x: str,
    channels: int,
    kernel: int,
    stride: int,
    expansion: int,
    activation: str = "relu6",
) -> str:
    """Pointwise expansion, depthwise and linear projection, plus the input where shapes agree.

    An expansion of 1 leaves the first convolution out.
    """
    source, inner = x, net.channels(x)
    if expansion != 1:
        x = net.conv(f"{name}/expand", x, inner * expansion, 1, activation=activation)
    x = net.depthwise(f"{name}/depthwise", x, kernel, stride=stride, activation=activation)
    x = net.conv(f"{name}/project", x, channels, 1)
    if stride == 1 and inner == channels:
        x = net.add(f"{name}/add", source, x)
    return x
