"""Multiply-accumulates and parameters of a graph."""

from __future__ import annotations

import math
from collections.abc import Sequence

from compiler.ir.graph import Graph, Node
from compiler.ir.ops import CONSTANTS, OPS, WEIGHT_AXIS

#: Roles of the constants that training sets.
_LEARNED = CONSTANTS.keys() - {"table", "indices"}


def node_macs(graph: Graph, node: Node) -> int:
    """Multiply-accumulates of one node: convolutions, fully connected layers, products of matrices,
    bodies of the host.

    Taps that fall on padding count, as they do in every published figure; of a transposed
    convolution, those that its padding cuts off as well.
    """
    if node.op == "host":
        return int(node.attrs["macs"])
    if node.op == "matmul":
        shape, rows = graph.tensors[node.inputs[0]].shape, node.attrs["transpose_a"]
        return math.prod(graph.tensors[node.outputs[0]].shape) * shape[-2 if rows else -1]
    if node.op not in WEIGHT_AXIS:
        return 0
    weights = graph.tensors[node.inputs[1]].shape
    windows = node.inputs[0] if node.op == "transpose_conv2d" else node.outputs[0]
    outputs = math.prod(graph.tensors[windows].shape[:-1]) * weights[WEIGHT_AXIS[node.op]]
    return outputs * math.prod(weights) // weights[WEIGHT_AXIS[node.op]]


def macs(graph: Graph) -> dict[str, int]:
    """Multiply-accumulates by node name, in execution order; the network's are their sum."""
    return {node.name: node_macs(graph, node) for node in graph.nodes}


def parameters(graph: Graph) -> int:
    """Elements of all weights, biases and gains; a tensor that two nodes share counts once."""
    return sum(math.prod(graph.tensors[name].shape) for name in _learned(graph, graph.nodes))


def node_parameters(graph: Graph, node: Node) -> int:
    """Likewise of one node."""
    return sum(math.prod(graph.tensors[name].shape) for name in _learned(graph, [node]))


def _learned(graph: Graph, nodes: Sequence[Node]) -> set[str]:
    return {
        name
        for node in nodes
        for role, name in zip(OPS[node.op].roles(len(node.inputs)), node.inputs, strict=True)
        if role in _LEARNED and name
    }
