"""Random resizes that the hardware runs, and transposed convolutions, for random networks."""

from __future__ import annotations

import dataclasses
import math

from compiler.ir.graph import Graph, Node
from compiler.passes.resize import hardware_resize
from tests.support.random_graph import RandomGraph
from tests.support.random_weighted import weighted


def resize(net: RandomGraph, x: str) -> str:
    """Nearest or bilinear, drawn again until the hardware can, or a copy."""
    rng, quant, (_, height, width, channels) = net.rng, net.quant(x), net.shape(x)
    for _ in range(20):
        mode = rng.choice(("nearest", "bilinear"))
        factors = (1, 2, 2, 4, 8) if mode == "bilinear" else (1, 2, 2, 3, 5)
        down = rng.randint(1, 20) if height == 1 else rng.choice(factors)
        across = rng.randint(1, 20) if width == 1 else rng.choice((down, *factors))
        attrs = {
            "mode": mode,
            "size": (height * down, width * across),
            "align_corners": False,
            "half_pixel_centers": rng.random() < 0.6,
        }
        if height * down * width * across * channels <= net.most_values and _runs(net, x, attrs):
            return net.node("resize", (x,), quant, **attrs)
    return net.node("resize", (x,), quant, **{**attrs, "mode": "nearest", "size": (height, width)})


def _runs(net: RandomGraph, x: str, attrs: dict) -> bool:
    """Whether the hardware runs such a resize of ``x``."""
    node = Node("y", "resize", (x,), ("y",), attrs)
    channels = net.shape(x)[3]
    y = dataclasses.replace(net.tensors[x], name="y", shape=(1, *attrs["size"], channels))
    tensors = {x: net.tensors[x], "y": y}
    return hardware_resize(Graph("trial", tensors, [node], (x,), ("y",)), node) is None


def transpose_conv2d(net: RandomGraph, x: str, groups: int = 0) -> str:
    """Any kernel, stride, crop and output padding; depthwise, with groups, or of all channels,
    unless ``groups`` says it."""
    rng, (_, height, width, depth) = net.rng, net.shape(x)
    channels = net.draw_channels(math.prod(net.shape(x)))
    some = rng.choice([g for g in (1, 2, 3, 4) if depth % g == 0])
    groups = groups or rng.choice((1, 1, depth, some))
    channels = rng.choice((channels, depth)) // groups * groups or groups
    while True:
        kernel = rng.randint(1, 5), rng.randint(1, 5)
        stride = rng.choice(((2, 2), (2, 2), (rng.randint(1, 3), rng.randint(1, 4))))
        padding = tuple(rng.randint(0, k // 2) for k in kernel for _ in range(2))
        extra = tuple(rng.randint(0, s - 1) for s in stride)
        size = [
            (extent - 1) * s + k - before - after + e
            for extent, s, k, before, after, e in zip(
                (height, width), stride, kernel, padding[::2], padding[1::2], extra, strict=True
            )
        ]
        products = height * width * depth // groups * math.prod(kernel) * channels
        small = math.prod(size) * channels <= 2 * net.most_values
        if min(size) > 0 and products <= net.most_work and small:
            return weighted(
                net,
                "transpose_conv2d",
                x,
                (channels, *kernel, depth // groups),
                0,
                stride=stride,
                padding=padding,
                output_padding=extra,
                groups=groups,
            )
        channels = max(channels // groups // 2, 1) * groups
