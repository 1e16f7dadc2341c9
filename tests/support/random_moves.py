"""Random nodes that move values, for random networks."""

from __future__ import annotations

from tests.support.random_functions import function
from tests.support.random_graph import VALUES, RandomGraph
from tests.support.random_weighted import pointwise, weighted


def concatenation(net: RandomGraph, x: str) -> str:
    """Maps that are there, other inputs and requantised ones, most on the output's scale."""
    rng, cols, (_, height, width, total) = net.rng, net.config.cols, net.shape(x)
    limit = cols * min(VALUES // (height * width), 6)
    quant = net.quant(x) if rng.random() < 0.7 else net.draw_quant()
    parts = [x]
    for _ in range(rng.randint(1, 3)):
        old = rng.choice(net.maps(1, height, width))
        new = rng.choice((net.draw_channels(height * width), cols * rng.randint(1, 3)))
        made = rng.random() < 0.5
        total += new if made else net.shape(old)[3]
        if total > limit:
            break
        part = net.input((1, height, width, new), "int8") if made else old
        if rng.random() < 0.6:
            part = net.node("quantize", (part,), quant)
        parts.append(part)
    rng.shuffle(parts)
    if rng.random() < 0.5:
        parts.sort(key=lambda name: net.shape(name)[3] % cols)
    return net.node("concatenation", tuple(parts), quant)


def pad(net: RandomGraph, x: str) -> str:
    padding = tuple(net.rng.choices(range(6), k=4))
    return _moved(net, "pad", x, padding=padding, channel_padding=(0, 0))


def pad_channels(net: RandomGraph, x: str) -> str:
    """Channels of the zero point around those of ``x``, up to whole words; pixels as well."""
    rng, cols = net.rng, net.config.cols
    before = rng.choice((0, cols, rng.randint(0, cols)))
    after = rng.choice((-(before + net.shape(x)[3]) % cols, rng.randint(0, cols + 1)))
    padding = rng.choice(((0, 0, 0, 0), tuple(rng.choices(range(3), k=4))))
    return _moved(net, "pad", x, padding=padding, channel_padding=(before, after))


def some_channels(net: RandomGraph, x: str) -> str:
    """A slice of channels from the first of a word on, or from any."""
    rng, channels = net.rng, net.shape(x)[3]
    begin = rng.randrange(channels)
    if rng.random() < 0.5:
        begin -= begin % net.config.cols
    return _moved(net, "slice", x, begin=begin, size=rng.randint(1, channels - begin))


def shuffle(net: RandomGraph, x: str) -> str:
    channels = net.shape(x)[3]
    groups = net.rng.choice([g for g in range(1, channels + 1) if channels % g == 0])
    return _moved(net, "channel_shuffle", x, groups=groups)


def split_and_join(net: RandomGraph, x: str) -> str:
    """As in ShuffleNetV2: two slices, a layer behind one of them, and both joined again.

    Between layers of all channels, none of the moves is left as it is.
    """
    rng = net.rng
    if rng.random() < 0.9:
        x = pointwise(net, x, _width(net, x))
    if net.shape(x)[3] < 2:
        return some_channels(net, x)
    for _ in range(rng.randint(1, 2)):
        x = _unit(net, x)
    return pointwise(net, x, _width(net, x)) if rng.random() < 0.9 else x


def _unit(net: RandomGraph, x: str) -> str:
    rng, channels = net.rng, net.shape(x)[3]
    first = rng.choice((channels // 2, rng.randint(1, channels - 1)))
    x, other = (
        _moved(net, "slice", x, begin=begin, size=size)
        for begin, size in ((0, first), (first, channels - first))
    )
    made = pointwise(net, other, _width(net, other), net.quant(x))
    parts = [x, function(net, made) if rng.random() < 0.3 else made]
    rng.shuffle(parts)
    joined = _moved(net, "concatenation", *parts)
    return shuffle(net, joined) if rng.random() < 0.7 else joined


def parts_apart(net: RandomGraph, x: str) -> str:
    """As in MixNet and GhostNet: slices with a kernel each, or a map beside a layer of it, joined
    between layers of all channels, with other scales now and then."""
    rng = net.rng
    x = pointwise(net, x, _width(net, x))
    channels = net.shape(x)[3]
    if channels > 1 and rng.random() < 0.5:
        ends = sorted({*rng.sample(range(1, channels), min(channels - 1, rng.randint(1, 3)))})
        cuts = zip([0, *ends], [*ends, channels], strict=True)
        found = [_moved(net, "slice", x, begin=begin, size=end - begin) for begin, end in cuts]
        parts = [_kernel(net, part) if rng.random() < 0.9 else part for part in found]
    else:
        parts = [x, _kernel(net, x)]
    quant = net.quant(x) if rng.random() < 0.9 else net.draw_quant()
    y = net.node("concatenation", tuple(parts), quant)
    if rng.random() < 0.5:
        y = rng.choice((function, _kernel))(net, y)
    return pointwise(net, y, _width(net, y)) if rng.random() < 0.9 else y


def shuffled_groups(net: RandomGraph, x: str) -> str:
    """As in ShuffleNet V1: convolutions of groups before and after a shuffle, added or not."""
    rng, cols = net.rng, net.config.cols
    groups = rng.choice((2, 2, 3))
    x = pointwise(net, x, groups * cols)
    width = rng.choice((cols, rng.randint(1, 2 * cols)))
    y = _grouped(net, x, groups * width, groups)
    y = _kernel(net, _moved(net, "channel_shuffle", y, groups=groups))
    y = _grouped(net, y, groups * cols * rng.choice((1, 1, 2)), groups)
    if net.shape(y) == net.shape(x) and rng.random() < 0.7:
        return net.node("add", (y, x), net.quant(y), activation=net.draw_activation())
    return y


def _grouped(net: RandomGraph, x: str, channels: int, groups: int) -> str:
    """A convolution of one pixel and of groups."""
    window = {"stride": (1, 1), "dilation": (1, 1), "padding": (0, 0, 0, 0), "groups": groups}
    shape = (channels, 1, 1, net.shape(x)[3] // groups)
    return weighted(net, "conv2d", x, shape, 0, None, **window)


def _kernel(net: RandomGraph, x: str) -> str:
    """A depthwise convolution that keeps the size of the map, mostly the scale too."""
    size, quant = net.rng.choice((1, 3, 3, 5)), net.quant(x) if net.rng.random() < 0.8 else None
    window = {"stride": (1, 1), "dilation": (1, 1), "padding": (size // 2,) * 4}
    shape = (1, size, size, net.shape(x)[3])
    return weighted(net, "depthwise_conv2d", x, shape, 3, quant, depth_multiplier=1, **window)


def _width(net: RandomGraph, x: str) -> int:
    _, height, width, channels = net.shape(x)
    return net.draw_channels(height * width * channels)


def _moved(net: RandomGraph, op: str, *inputs: str, **attrs: object) -> str:
    """A node that keeps the parameters of its inputs."""
    return net.node(op, inputs, net.quant(inputs[0]), **attrs)
