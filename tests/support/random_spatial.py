"""Random resizes that the hardware runs, and transposed convolutions, for random networks."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from compiler.ir.graph import Graph, Node
from compiler.passes.resize import hardware_resize

if TYPE_CHECKING:
    from tests.support.random_layers import RandomNet


def resize(net: RandomNet, x: str, most: int) -> str:
    """Nearest or bilinear, to ``most`` values; drawn again until the hardware can, or a copy."""
    rng, (_, height, width, channels) = net.rng, net._shape(x)
    quant = net.tensors[x].quant
    assert quant is not None
    for _ in range(20):
        mode = rng.choice(("nearest", "bilinear"))
        factors = (1, 2, 2, 4, 8) if mode == "bilinear" else (1, 2, 2, 3, 5)
        down = rng.randint(1, 20) if height == 1 else rng.choice(factors)
        across = rng.randint(1, 20) if width == 1 else rng.choice((down, *factors))
        attrs = {
            "mode": mode, "size": (height * down, width * across), "align_corners": False,
            "half_pixel_centers": rng.random() < 0.6,
        }
        if height * down * width * across * channels <= most and _runs(net, x, attrs):
            return net._node("resize", (x,), quant, **attrs)
    return net._node("resize", (x,), quant, **{**attrs, "mode": "nearest", "size": (height, width)})


def _runs(net: RandomNet, x: str, attrs: dict) -> bool:
    """Whether the hardware runs such a resize of ``x``."""
    node = Node("y", "resize", (x,), ("y",), attrs)
    _, height, width, channels = net._shape(x)
    y = dataclasses.replace(net.tensors[x], name="y", shape=(1, *attrs["size"], channels))
    tensors = {x: net.tensors[x], "y": y}
    return hardware_resize(Graph("trial", tensors, [node], (x,), ("y",)), node) is None


def transpose_conv2d(net: RandomNet, x: str, work: int, most: int) -> str:
    """Any kernel, stride, crop and output padding, to ``most`` values, with ``work`` products."""
    rng, (_, height, width, depth) = net.rng, net._shape(x)
    channels = net._channels(math.prod(net._shape(x)))
    while True:
        kernel = rng.randint(1, 5), rng.randint(1, 5)
        stride = rng.choice(((2, 2), (2, 2), (rng.randint(1, 3), rng.randint(1, 4))))
        padding = tuple(rng.randint(0, k // 2) for k in kernel for _ in range(2))
        extra = tuple(rng.randint(0, s - 1) for s in stride)
        size = [
            (extent - 1) * s + k - before - after + e
            for extent, s, k, before, after, e in zip(
                (height, width), stride, kernel, padding[::2], padding[1::2], extra, strict=True)
        ]
        products = height * width * depth * math.prod(kernel) * channels
        if min(size) > 0 and products <= work and math.prod(size) * channels <= most:
            return net._weighted(
                "transpose_conv2d", x, (channels, *kernel, depth), 0, stride=stride,
                padding=padding, output_padding=extra,
            )
        channels = max(channels // 2, 1)
