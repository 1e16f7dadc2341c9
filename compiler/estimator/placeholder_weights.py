"""Graphs whose weights are stand-ins of the same shape: no cycle depends on a weight's value.

What is multiplied follows from shapes, zero points and scales of activations. One exception is
kept: a fully connected layer whose scales the post-processor cannot meet runs on the host
(``compiler.passes.exact_scale``), so that these layers keep their weights.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.ops import WEIGHT_AXIS
from compiler.ir.quant_rules import check_node_quant, check_quant
from compiler.ir.randomize import Weights, check_size, is_complete, randomize_partly
from compiler.ir.shapes import Shape
from compiler.ir.verify import verify

_KEPT = ("fully_connected",)
SHAPES = 4096
"""Shapes of which stand-ins are kept."""


def with_standins(graph: Graph, seed: int, known: Weights) -> Graph:
    """The graph with stand-ins for weights and biases, for ``driver.compile_verified`` only.

    A graph that lacks weights or parameters gets those of ``compiler.ir.randomize``, with ``known``
    as there. Raises InputError or UnsupportedError for a graph that ``verify`` refuses, or with
    more weights than ``randomize`` makes.
    """
    if is_complete(graph):
        verify(graph, "quantised")
        return _all_stand_in(graph)
    verify(graph, "structure")
    outputs = (name for node in graph.nodes for name in node.outputs)
    made = [graph.tensors[name] for name in (*graph.inputs, *outputs)]
    check_size(graph)
    for tensor in made:
        if tensor.quant:
            check_quant(tensor, tensor.quant)
    graph = _all_stand_in(randomize_partly(graph, seed, _KEPT, known))
    if any(tensor.quant for tensor in made):
        for node in graph.nodes:
            check_node_quant(graph, node)
    return graph


def _all_stand_in(graph: Graph) -> Graph:
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        if node.op in WEIGHT_AXIS and node.op not in _KEPT:
            _stand_in(node, tensors)
    return replace(graph, tensors=tensors)


def _stand_in(node: Node, tensors: dict[str, Tensor]) -> None:
    """Ones that scale the layer's sums by 1, and a bias of 0."""
    x, y = tensors[node.inputs[0]].quant, tensors[node.outputs[0]].quant
    assert x is not None and y is not None, node.name
    _, weights, bias = node.inputs
    quant = Quant((y.scale[0] / x.scale[0],), (0,))
    shape = tensors[weights].shape
    tensors[weights] = Tensor(weights, shape, "int8", quant, _constant(1, "int8", shape))
    if bias:
        shape = tensors[bias].shape
        tensors[bias] = Tensor(bias, shape, "int32", None, _constant(0, "int32", shape))


@lru_cache(SHAPES)
def _constant(value: int, dtype: str, shape: Shape) -> np.ndarray:
    """An array with one value everywhere, which takes no memory."""
    return np.broadcast_to(np.array(value, dtype), shape)
