"""Random networks whose layers run strip by strip, whether that is faster or not."""

from __future__ import annotations

import random

import numpy as np

from compiler.hwir.feature_map import map_shape
from compiler.hwir.network import Network
from compiler.ir.graph import Graph
from compiler.options import CompilerOptions
from compiler.schedule.cascade import Cascade, may_roll
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.residency import NoFit
from compiler.schedule.schedule import Schedule, place
from hw.spec.config import AccelConfig
from tests.support.random_elementwise import residual
from tests.support.random_functions import function, quantize
from tests.support.random_graph import RandomGraph
from tests.support.random_layers import RandomLayer, random_input
from tests.support.random_pools import average, maximum
from tests.support.random_weighted import conv2d, depthwise


def _with_cascades(network: Network, config: AccelConfig, planner: Planner) -> list[Schedule]:
    """As ``schedules``, with cascades drawn from the network's name."""
    rng = random.Random(network.graph.name)
    cascades: list[Cascade] = []
    rolls, index = may_roll(network), 0
    while index < len(network.ops):
        last = index
        while rolls[last] and rng.random() < 0.8:
            last += 1
        if last > index:
            cascades.append(Cascade(index, last, rng.random() < 0.5))
        index = last + 1
    while True:
        try:
            return [place(network, config, tuple(cascades), Known(planner))]
        except NoFit as fault:
            if not cascades:
                raise fault.residency.failure(fault.layer) from None
            cascades.remove(rng.choice(cascades))


def random_cascade(config: AccelConfig, seed: int) -> RandomLayer:
    """The network of a seed, for a scratchpad of a third to a few times of its largest map's
    size."""
    rng = random.Random(f"cascade{seed}")
    graph = _cascade(RandomGraph(rng, config), f"cascade{seed}")
    source = np.random.default_rng(seed)
    inputs = {name: random_input(source, graph.tensors[name]) for name in graph.inputs}
    size = rng.uniform(0.8, 5) * rng.choice((1, 1, 1 / 3))
    lines = int(_largest(graph, config.cols) * size) // config.line_words
    lines = min(max(lines, 64), config.scratchpad_lines)
    return RandomLayer(graph, inputs, config, CompilerOptions(), lines, _with_cascades)


def _largest(graph: Graph, cols: int) -> int:
    """Words of the largest map."""
    shapes = [map_shape(graph.tensors[name]) for node in graph.nodes for name in node.outputs]
    return max(height * width * -(-channels // cols) for height, width, channels in shapes)


def _cascade(net: RandomGraph, name: str) -> Graph:
    rng = net.rng
    channels = rng.choice((3, rng.randint(1, 3 * net.config.cols)))
    x = net.input((1, rng.randint(10, 40), rng.randint(3, 24), channels))
    for _ in range(rng.randint(2, 5)):
        if net.tensors[x].dtype == "uint8":
            x = quantize(net, x)
        makers = (conv2d, conv2d, depthwise, depthwise, average, maximum, residual)
        x = rng.choice(makers)(net, x)
        if rng.random() < 0.2:
            x = function(net, x)
    return net.finish(name, x)
