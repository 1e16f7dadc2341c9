"""Random layers with weights, for random networks."""

from __future__ import annotations

import math

import numpy as np

from compiler.ir.graph import Quant
from compiler.ir.ops import MAX_ATTR
from tests.support.random_graph import RandomGraph, float32
from tests.support.random_windows import draw_window


def conv2d(net: RandomGraph, x: str) -> str:
    depth = net.shape(x)[3]
    channels = net.draw_channels(math.prod(net.shape(x)))
    return _convolution(net, x, depth, channels, 1)


def grouped(net: RandomGraph, x: str) -> str:
    depth = net.shape(x)[3]
    if depth % 2 == 0 and net.rng.random() < 0.75:
        return _groups_in_words(net, x)
    groups = net.rng.choice([g for g in range(1, depth + 1) if depth % g == 0])
    most = net.draw_channels(math.prod(net.shape(x)) // groups)
    channels = groups * max(1, most // groups)
    return _convolution(net, x, depth // groups, channels, groups)


def _groups_in_words(net: RandomGraph, x: str) -> str:
    """Groups of equal widths at both sides, a power of two and narrower than a word."""
    depth = net.shape(x)[3]
    width = 2
    while 2 * width < net.config.cols and depth % (2 * width) == 0 and net.rng.randrange(4):
        width *= 2
    return _convolution(net, x, width, depth, depth // width)


def _convolution(net: RandomGraph, x: str, depth: int, channels: int, groups: int) -> str:
    window = draw_window(net, x, depth * channels)
    shape = (channels, *window.pop("kernel"), depth)
    return weighted(net, "conv2d", x, shape, 0, groups=groups, **window)


def pointwise(net: RandomGraph, x: str, channels: int, quant: Quant | None = None) -> str:
    """A convolution of one pixel, with the output's parameters if given."""
    window = {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0), "groups": 1}
    shape = (channels, 1, 1, net.shape(x)[3])
    return weighted(net, "conv2d", x, shape, 0, quant, **window)


def depthwise(net: RandomGraph, x: str) -> str:
    multiplier = net.rng.choice((1, 1, 1, 2, 3, 4))
    channels = net.shape(x)[3] * multiplier
    window = draw_window(net, x, channels * net.config.cols)
    shape = (1, *window.pop("kernel"), channels)
    return weighted(net, "depthwise_conv2d", x, shape, 3, depth_multiplier=multiplier, **window)


def fully_connected(net: RandomGraph, x: str) -> str:
    size = math.prod(net.shape(x))
    if net.rng.random() < 0.3 and max(net.shape(x)) <= MAX_ATTR:
        x = net.node("reshape", (x,), net.quant(x), shape=(1, size))
    return weighted(net, "fully_connected", x, (net.draw_channels(size), size), 0)


def flattens(net: RandomGraph, x: str) -> bool:
    """Whether half the scratchpad holds the map and a plane's weights for all of it."""
    _, height, width, channels = net.shape(x)
    planes = -(-channels // net.config.cols)
    return height * width * (planes + channels) <= net.config.scratchpad_words // 2


def weighted(
    net: RandomGraph,
    op: str,
    x: str,
    shape: tuple[int, ...],
    axis: int,
    quant: Quant | None = None,
    **attrs: object,
) -> str:
    """A layer whose results use the output's range, or scales with shifts up to the ends."""
    rng, source = net.rng, net.source
    outputs = shape[axis]
    count = outputs if rng.random() < 0.6 else 1
    weights = source.integers(-128, 127, shape, np.int8, endpoint=True)
    spread = 2 ** source.uniform(-3, 3, count)
    typical = 5500 * math.sqrt(math.prod(shape) / outputs)
    ratio = rng.choice((*[typical / 2 ** rng.uniform(4, 7)] * 8, 2 ** rng.uniform(-28, 33)))
    if rng.random() < 0.2:
        ratio, spread = 2.0 ** round(math.log2(ratio)), 2.0 ** source.integers(-3, 3, count)
    quant = quant or net.draw_quant()
    scales = [float32(s) for s in quant.scale[0] / (net.scale(x) * ratio) * spread]
    quantised = Quant(tuple(scales), (0,) * count, axis if count > 1 else None)
    names = [x, net.constant(weights, quantised), ""]
    if rng.random() < 0.8:
        products = tuple(net.scale(x) * s for s in scales)
        product = Quant(products, (0,) * count, 0 if count > 1 else None)
        names[2] = _bias(net, outputs, ratio, product)
    return net.node(op, tuple(names), quant, activation=net.draw_activation(), **attrs)


def _bias(net: RandomGraph, count: int, ratio: float, product: Quant) -> str:
    """As large as some results, none, or of any size; ``product`` is given or left out."""
    bound = net.rng.choice((1, *[int(40 * ratio) + 1] * 4, (1 << 31) - 1))
    bound = min(bound, (1 << 31) - 1)
    bias = net.source.integers(-bound, bound, count, np.int32, endpoint=True)
    return net.constant(bias, product if net.rng.random() < 0.8 else None)
