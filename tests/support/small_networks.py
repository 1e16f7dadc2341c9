"""Random networks so small that all their plans can be timed."""

from __future__ import annotations

import random
from dataclasses import dataclass

from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.ir.graph import Graph
from compiler.schedule.schedule import Schedule
from hw.spec.config import AccelConfig, with_values
from tests.compiler.graphs import Net
from tests.support.exhaustive_schedules import most_ways

SIDES = {1: 7, 2: 4, 3: 3}
PLANES = {1: 4, 2: 2, 3: 1}
"""Largest side of a map, and most planes of channels, by number of layers."""
SMALLEST_SCRATCHPAD = 64
"""Lines. A third of the networks have the whole scratchpad, the others from that to four times as
many.
"""


@dataclass(frozen=True)
class SmallNetwork:
    """A graph, the configuration that it is for, and the compiler's schedule."""

    graph: Graph
    config: AccelConfig
    schedule: Schedule


def small_network(config: AccelConfig, seed: int, layers: int, most: int) -> SmallNetwork:
    """The network of a seed: ``layers`` convolutions that can run in at most ``most`` ways."""
    rng = random.Random(f"{seed} {layers}")
    while True:
        lines = rng.choice(
            (
                SMALLEST_SCRATCHPAD,
                rng.randint(SMALLEST_SCRATCHPAD, 4 * SMALLEST_SCRATCHPAD),
                config.scratchpad_lines,
            )
        )
        chosen = with_values(config, {"scratchpad_bytes": lines * config.line_bytes})
        graph = _graph(rng, layers, config.cols, f"small{seed}")
        try:
            schedule = compile(graph, chosen).segments[0].plan
        except AllocationError:
            continue
        if most_ways(schedule.network, chosen) <= most:
            return SmallNetwork(graph, chosen, schedule)


def _graph(rng: random.Random, layers: int, cols: int, name: str) -> Graph:
    side, channels = SIDES[layers], PLANES[layers] * cols
    net = Net((rng.randint(2, side), rng.randint(2, side), rng.randint(1, channels)))
    x = "input"
    for _ in range(layers):
        x = layer(net, rng, x, rng.randint(1, channels))
    return net.finish(x, name=name, seed=rng.randrange(1 << 30))


def layer(net: Net, rng: random.Random, x: str, channels: int) -> str:
    """A convolution, a depthwise one or one of a pixel, with stride and dilation."""
    size = rng.choice((1, 2, 3, 3)), rng.choice((1, 2, 3, 3))
    dilation = rng.choice((1, 1, 1, 2)), rng.choice((1, 1, 1, 2))
    span = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    window = {
        "kernel": size,
        "dilation": dilation,
        "stride": rng.choice(((1, 1), (1, 1), (2, 2), (rng.randint(1, 2), rng.randint(1, 2)))),
        "padding": (span[0] // 2, span[0] // 2, span[1] // 2, span[1] // 2),
    }
    kind = rng.choice(("conv", "depthwise", "pointwise"))
    if kind == "depthwise":
        return net.depthwise(x, **window)
    if kind == "conv":
        return net.conv(x, channels, **window)
    return net.conv(x, channels, kernel=(1, 1))
