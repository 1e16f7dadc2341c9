"""Random sums and products of maps, for random networks."""

from __future__ import annotations

from tests.support.random_functions import function
from tests.support.random_graph import RandomGraph
from tests.support.random_pools import mean
from tests.support.random_weighted import conv2d, pointwise


def add(net: RandomGraph, x: str) -> str:
    """An addition to an earlier map, to itself, or to another input."""
    rng, shape = net.rng, net.shape(x)
    maps = net.maps(*shape)
    other = rng.choice(maps) if rng.random() < 0.6 else net.input(shape, "int8")
    pair = (x, other) if rng.random() < 0.5 else (other, x)
    larger = max(net.scale(x), net.scale(other))
    scale = larger * 2 ** rng.choice((*[rng.uniform(-1, 2)] * 4, rng.uniform(-16, 12)))
    return net.node("add", pair, net.draw_quant(scale=scale), activation=net.draw_activation())


def residual(net: RandomGraph, x: str) -> str:
    """A convolution, an addition that may leave with it, and a function of the sum."""
    return function(net, add(net, conv2d(net, x)))


def multiply(net: RandomGraph, x: str, factor: str | None = None) -> str:
    """A product with a value per channel of an input, of an earlier map or of ``factor``."""
    rng, one = net.rng, (1, 1, 1, net.shape(x)[3])
    maps = net.maps(*one)
    if factor is None:
        factor = rng.choice(maps) if maps and rng.random() < 0.6 else net.input(one, "int8")
    pair = (x, factor) if rng.random() < 0.5 else (factor, x)
    product = net.scale(x) * net.scale(factor)
    scale = product * 2 ** rng.choice((*[rng.uniform(2, 10)] * 4, rng.uniform(-16, 16)))
    return net.node("mul", pair, net.draw_quant(scale=scale), activation=net.draw_activation())


def excitation(net: RandomGraph, x: str) -> str:
    """Squeeze and excitation: the product with what two layers make of the map's means."""
    hidden = net.rng.randint(1, 2 * net.config.cols)
    y = pointwise(net, mean(net, x), hidden)
    return multiply(net, x, pointwise(net, y, net.shape(x)[3]))
