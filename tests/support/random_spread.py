"""Random networks of windows that are spread: groups of transposed convolutions, dilated maxima."""

from __future__ import annotations

import random

import numpy as np

from compiler.options import CompilerOptions
from hw.spec.config import AccelConfig
from tests.support.random_graph import RandomGraph
from tests.support.random_layers import RandomLayer, random_input
from tests.support.random_pools import dilated_maximum
from tests.support.random_spatial import transpose_conv2d
from tests.support.random_weighted import pointwise


def random_spread(config: AccelConfig, seed: int) -> RandomLayer:
    """The network of a seed: both operators on one map, and each on the result of the other."""
    rng = random.Random(f"spread{seed}")
    net = RandomGraph(rng, config)
    groups = rng.choice((2, 3, 4))
    depth = groups * rng.randint(1, 4)
    stem = net.input((1, rng.randint(4, 9), rng.randint(4, 9), depth), "int8")
    outputs = [
        transpose_conv2d(net, stem, rng.choice((groups, depth))),
        dilated_maximum(net, stem),
    ]
    largest = dilated_maximum(net, pointwise(net, stem, depth))
    outputs.append(transpose_conv2d(net, largest, groups))
    graph = net.finish(f"spread{seed}", *outputs)
    source = np.random.default_rng(seed)
    inputs = {name: random_input(source, graph.tensors[name]) for name in graph.inputs}
    return RandomLayer(graph, inputs, config, CompilerOptions(), config.scratchpad_lines)
