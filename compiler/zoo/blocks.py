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
    y = net.conv(f"{name}/reduce", y, _squeezed(net.channels(x)), 1, activation="relu")
    y = net.conv(f"{name}/expand", y, net.channels(x), 1, activation="hard_sigmoid")
    return net.mul(f"{name}/scale", x, y)


def _squeezed(channels: int) -> int:
    """The multiple of 8 nearest to a quarter, at least 8 and more than 90 % of it."""
    quarter = channels // 4
    rounded = max(8, (quarter + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * quarter else rounded + 8
