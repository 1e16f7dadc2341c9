"""Random pools and means, for random networks."""

from __future__ import annotations

from compiler.ir.graph import Quant
from compiler.ir.quant_rules import SCALE_TOLERANCE
from tests.support.random_graph import RandomGraph, float32
from tests.support.random_windows import draw_window


def average(net: RandomGraph, x: str) -> str:
    return _pool(net, "avg_pool2d", x, count_include_pad=net.rng.random() < 0.3)


def maximum(net: RandomGraph, x: str) -> str:
    return _pool(net, "max_pool2d", x)


def _pool(net: RandomGraph, op: str, x: str, **attrs: object) -> str:
    """On the input's scale, or off by less than the tolerance."""
    work, dilated = net.shape(x)[3] * net.config.cols, op == "max_pool2d"
    window = draw_window(net, x, work, pooling=True, dilated=dilated)
    scale = net.scale(x)
    if net.rng.random() < 0.2:
        scale = min(float32(scale + SCALE_TOLERANCE / 2), float32(2 * scale))
    quant = Quant((scale,), net.quant(x).zero_point)
    return net.node(op, (x,), quant, activation=net.draw_activation(), **window, **attrs)


def mean(net: RandomGraph, x: str) -> str:
    """A mean on its own scale or on the input's."""
    spread = net.rng.choice((0, 1, 4, 20))
    scale = net.scale(x) * 2 ** net.rng.uniform(-spread, spread)
    quant = net.rng.choice((net.quant(x), net.draw_quant(scale=scale)))
    return net.node("mean", (x,), quant)
