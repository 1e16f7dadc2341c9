"""Random networks with parallel branches, which run in an order that is drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np

from compiler.hwir.network import Network
from compiler.ir.graph import Graph
from compiler.options import CompilerOptions
from compiler.schedule.branch_order import (
    branch_regions,
    reordered,
    reorderings,
)
from compiler.schedule.planner import Planner
from compiler.schedule.schedule import Schedule
from compiler.schedule.search import schedules
from hw.spec.config import AccelConfig
from tests.support.random_functions import quantize
from tests.support.random_graph import RandomGraph
from tests.support.random_layers import SMALL_SCRATCHPADS, RandomLayer, operator, random_input
from tests.support.random_weighted import pointwise


def _shuffled(network: Network, config: AccelConfig, planner: Planner) -> Iterator[Schedule]:
    """As ``schedules``, with branches moved; the network's name says which and where."""
    rng = random.Random(network.graph.name)
    for _ in range(6):
        found = branch_regions(network, config.cols)
        if found:
            order = rng.choice([*reorderings(network, rng.choice(found))])
            network = reordered(network, order)
    return schedules(network, config, planner)


def random_branches(config: AccelConfig, seed: int) -> RandomLayer:
    """The network of a seed: branches of any operators from one map on, those that keep its
    height and width joined."""
    rng = random.Random(f"branches{seed}")
    graph = _graph(RandomGraph(rng, config), f"branches{seed}")
    source = np.random.default_rng(seed)
    inputs = {name: random_input(source, graph.tensors[name]) for name in graph.inputs}
    lines = rng.choice((*SMALL_SCRATCHPADS, *[config.scratchpad_lines] * 2))
    return RandomLayer(graph, inputs, config, CompilerOptions(), lines, _shuffled)


def _graph(net: RandomGraph, name: str) -> Graph:
    rng = net.rng
    height, width = rng.choice(((rng.randint(1, 6), rng.randint(1, 6)), (rng.randint(4, 14), 9)))
    stem = quantize(net, net.input((1, height, width, rng.randint(1, 12))))
    if rng.random() < 0.7:
        stem = pointwise(net, stem, rng.randint(1, 24))
    quant, same, others = net.draw_quant(), [], []
    for _ in range(rng.randint(2, 4)):
        x = stem
        for _ in range(rng.randint(1, 2)):
            x = operator(net, x, last=False)
        if net.shape(x)[:3] != net.shape(stem)[:3]:
            others.append(x)
        elif rng.random() < 0.7:
            same.append(pointwise(net, x, net.config.cols * rng.randint(1, 2), quant))
        else:
            same.append(net.node("quantize", (x,), quant))
    if len(same) > 1:
        joined = net.node("concatenation", tuple(same), quant)
        same = [pointwise(net, joined, rng.randint(1, 20))]
    return net.finish(name, *same, *others)
