"""Random pools and means, for random networks."""

from __future__ import annotations

from typing import Any

from compiler.ir.graph import Quant
from compiler.ir.quant_rules import SCALE_TOLERANCE
from tests.support.random_graph import RandomGraph, float32
from tests.support.random_windows import draw_window


def average(net: RandomGraph, x: str) -> str:
    return _pool(net, "avg_pool2d", x, count_include_pad=net.rng.random() < 0.3)


def maximum(net: RandomGraph, x: str) -> str:
    return _pool(net, "max_pool2d", x)


def dilated_maximum(net: RandomGraph, x: str) -> str:
    """A window of several pixels that lie apart; the map has several rows and columns."""
    while True:
        window = _window(net, "max_pool2d", x)
        apart = zip(window["kernel"], window["dilation"], strict=True)
        if any(pixels > 1 and step > 1 for pixels, step in apart):
            return _pool(net, "max_pool2d", x, **window)


def _window(net: RandomGraph, op: str, x: str) -> dict[str, Any]:
    work, dilated = net.shape(x)[3] * net.config.cols, op == "max_pool2d"
    return draw_window(net, x, work, pooling=True, dilated=dilated)


def _pool(net: RandomGraph, op: str, x: str, **attrs: object) -> str:
    """On the input's scale, or off by less than the tolerance; any window but the given one."""
    window = {} if "kernel" in attrs else _window(net, op, x)
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
