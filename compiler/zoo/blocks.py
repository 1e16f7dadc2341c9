"""Blocks that several families share."""

from __future__ import annotations

import math

from compiler.zoo.builder import GraphBuilder


def inverted_residual(
    net: GraphBuilder,
    name: str,
    x: str,
    channels: int,
    kernel: int,
    stride: int,
    expansion: int,
    dilation: int = 1,
) -> str:
    """Pointwise expansion, depthwise and linear projection, plus the input where shapes agree.

    An expansion of 1 leaves the first convolution out.
    """
    source, inner = x, net.channels(x)
    if expansion != 1:
        x = net.conv(f"{name}/expand", x, inner * expansion, 1, activation="relu6")
    x = net.depthwise(
        f"{name}/depthwise", x, kernel, stride=stride, dilation=dilation, activation="relu6"
    )
    x = net.conv(f"{name}/project", x, channels, 1)
    if stride == 1 and inner == channels:
        x = net.add(f"{name}/add", source, x)
    return x


def squeeze_excitation(net: GraphBuilder, name: str, x: str) -> str:
    """Each channel times a factor of 0 to 1 that follows from the means of all channels.

    The means pass a quarter of the channels, rounded to a multiple of 8 (MobileNetV3, arXiv
    1905.02244, section 5.3; rounding as in torchvision's ``_make_divisible``).
    """
    y = net.global_avg_pool(f"{name}/pool", x)
    y = net.conv(f"{name}/reduce", y, wider(net.channels(x) // 4, 1.0), 1, activation="relu")
    y = net.conv(f"{name}/expand", y, net.channels(x), 1, activation="hard_sigmoid")
    return net.mul(f"{name}/scale", x, y)


def wider(channels: int, width: float) -> int:
    """The multiple of 8 nearest to ``channels`` times ``width``, at least 8 and 90 % of it."""
    wanted = channels * width
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8


def deeper(repeats: int, depth: float) -> int:
    """The repeats of a stage at a depth, rounded up."""
    return math.ceil(round(repeats * depth, 9))
