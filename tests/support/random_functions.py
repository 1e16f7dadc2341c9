"""Random functions of one value, new scales and host operators, for random networks."""

from __future__ import annotations

import numpy as np

from compiler.ir.graph import Quant
from compiler.ir.ops import FUNCTIONS
from compiler.ir.quant_rules import MIN_SOFTMAX_STEP
from tests.support.random_graph import RandomGraph


def function(net: RandomGraph, x: str) -> str:
    """A function of one value, of another one now and then; half of them keep the scale."""
    rng, quant = net.rng, net.quant(x)
    op = rng.choice(list(FUNCTIONS))
    if rng.random() < 0.5:
        quant = net.draw_quant(scale=quant.scale[0] * 2 ** rng.uniform(-6, 6))
    attrs = {name: spec.default for name, spec in FUNCTIONS[op].attrs.items()}
    if "alpha" in attrs:
        attrs["alpha"] = rng.choice((0.1, rng.uniform(-1, 2)))
    table = ()
    if op == "lookup":
        values = net.source.integers(-128, 127, 256, np.int8, endpoint=True)
        table = (net.constant(values, None),)
    y = net.node(op, (x, *table), quant, **attrs)
    return function(net, y) if rng.random() < 0.3 else y


def quantize(net: RandomGraph, x: str) -> str:
    """A new scale and zero point; of uint8 also the same ones, where one bit changes."""
    rng, scale = net.rng, net.scale(x)
    if net.tensors[x].dtype == "uint8" and rng.random() < 0.5:
        (zero_point,) = net.quant(x).zero_point
        return net.node("quantize", (x,), Quant((scale,), (zero_point - 128,)))
    spread = rng.choice((0, 1, 1, 1, 2, 30))
    quant = net.draw_quant(scale=scale * 2 ** rng.uniform(-spread, spread))
    return net.node("quantize", (x,), quant)


def on_host(net: RandomGraph, x: str) -> str:
    """An operator that the host runs wherever it stands."""
    if net.rng.random() < 0.3 and net.scale(x) > 2 * MIN_SOFTMAX_STEP:
        return net.node("softmax", (x,), Quant((1 / 256,), (-128,)), beta=1.0)
    channels = net.shape(x)[3]
    gamma, beta = (
        net.constant(net.source.normal(mean, 0.5, channels).astype(np.float32), None)
        for mean in (1, 0)
    )
    quant = net.draw_quant(scale=2 ** net.rng.uniform(-6, -4))
    return net.node("layer_norm", (x, gamma, beta), quant, epsilon=1e-5)
