"""Shuffles of what one convolution of all channels makes: it makes them in the other order."""

from __future__ import annotations

import dataclasses
from collections import ChainMap
from typing import Any

import numpy as np

from compiler.ir.graph import Graph, Node
from compiler.ir.ops import FUNCTIONS
from compiler.passes.channel_moves.reorder import chosen, unused
from compiler.passes.host import host_reason


def permute(graph: Graph) -> Graph:
    """The graph without shuffles that alone read a convolution of all channels, or functions of
    it."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    readers: dict[str, int] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers[name] = readers.get(name, 0) + 1
    chains: dict[str, list[Node]] = {}
    for node in graph.nodes:
        if node.op == "channel_shuffle":
            chain = _chain(graph, node, makers, readers)
            if chain:
                chains[node.name] = chain
    return _Permuter(graph, chains).run() if chains else graph


def _chain(
    graph: Graph, shuffle: Node, makers: dict[str, Node], readers: dict[str, int]
) -> list[Node]:
    """The convolution, the functions and the shuffle; nothing where others read what is between."""
    names = (shuffle.inputs[0], shuffle.outputs[0])
    if len({graph.tensors[name].quant for name in names}) > 1:
        return []
    nodes = [shuffle]
    while True:
        x = nodes[0].inputs[0]
        node = makers.get(x)
        if node is None or readers[x] > 1 or x in graph.outputs or host_reason(graph, node):
            return []
        nodes.insert(0, node)
        if node.op == "conv2d":
            return nodes if node.attrs["groups"] == 1 else []
        if node.op not in FUNCTIONS:
            return []


class _Permuter:
    """Writes the nodes of the chains anew."""

    def __init__(self, graph: Graph, chains: dict[str, list[Node]]) -> None:
        self.graph, self.tensors = graph, dict(graph.tensors)
        nodes = dict.fromkeys(node.name for node in graph.nodes)
        self.names: ChainMap[str, Any] = ChainMap(self.tensors, nodes)
        self.changed: dict[str, Node | None] = {}
        for chain in chains.values():
            self._change(chain)

    def run(self) -> Graph:
        found = [self.changed.get(node.name, node) for node in self.graph.nodes]
        nodes = [node for node in found if node is not None]
        used = {t for n in nodes for t in (*n.inputs, *n.outputs)} | {*self.graph.inputs}
        tensors = {name: t for name, t in self.tensors.items() if name in used}
        return dataclasses.replace(self.graph, tensors=tensors, nodes=nodes)

    def _change(self, chain: list[Node]) -> None:
        *nodes, shuffle = chain
        order = np.arange(self.graph.tensors[shuffle.inputs[0]].shape[-1])
        order = order.reshape(shuffle.attrs["groups"], -1).T.reshape(-1)
        self.changed[shuffle.name] = None
        before = ""
        for node in nodes:
            y = shuffle.outputs[0] if node is nodes[-1] else self._tensor(node.outputs[0])
            inputs = (before, *node.inputs[1:])
            if node.op == "conv2d":
                constants = (self._chosen(name, order.tolist()) for name in node.inputs[1:])
                inputs = (node.inputs[0], *constants)
            self.changed[node.name] = dataclasses.replace(node, inputs=inputs, outputs=(y,))
            before = y

    def _tensor(self, like: str) -> str:
        name = unused(like, self.names)
        self.tensors[name] = dataclasses.replace(self.tensors[like], name=name, declared=None)
        return name

    def _chosen(self, constant: str, order: list[int]) -> str:
        """A constant with its output channels in this order; an absent bias stays absent."""
        if not constant:
            return constant
        name = unused(constant, self.names)
        self.tensors[name] = chosen(self.graph.tensors[constant], name, 0, order)
        return name
