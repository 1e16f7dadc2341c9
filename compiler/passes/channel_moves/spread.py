"""Concatenations and slices of whole words, by channels that are spread over more words.

The readers of a tensor with spaces have weights of 0 there. Spaces cost the array time, so moves
stay where that is more than what they cost.
"""

from __future__ import annotations

import dataclasses
from collections import ChainMap
from typing import Any

from compiler.ir.graph import Node, Tensor
from compiler.passes.channel_moves.classes import Classes, channel_classes
from compiler.passes.channel_moves.cycles import Cycles
from compiler.passes.channel_moves.reorder import Choices, unused
from compiler.passes.channel_moves.rewrite import Routed
from compiler.passes.channel_moves.spaces import Order, spaced


def spread(routed: Routed, cols: int) -> Routed:
    """The graph with spaces between channels where that takes fewer cycles than moving them."""
    graph = routed.graph
    classes = channel_classes(graph)
    orders: dict[str, Order] = {}
    for moves in _linked(classes):
        found = spaced(graph, classes, moves, cols)
        if found and Cycles(graph, classes, found, moves, cols).fall:
            orders.update(found)
    return _Spreader(routed, classes, orders).run() if orders else routed


def _linked(classes: Classes) -> list[list[Node]]:
    """The moves in sets that share classes, without those of fixed ones."""
    found: list[tuple[set[str], list[Node]]] = []
    for node in classes.moves:
        names = {classes.first[t] for t in (*node.inputs, *node.outputs)}
        moves = [node]
        apart = []
        for others, more in found:
            if names.isdisjoint(others):
                apart.append((others, more))
            else:
                names, moves = names | others, more + moves
        found = [*apart, (names, moves)]
    return [moves for names, moves in found if names.isdisjoint(classes.fixed)]


class _Spreader:
    """Writes the nodes anew on tensors with spaces."""

    def __init__(self, routed: Routed, classes: Classes, orders: dict[str, Order]) -> None:
        self.routed, self.graph = routed, routed.graph
        self.orders = {t: orders[c] for t, c in classes.first.items() if c in orders}
        self.tensors = dict(self.graph.tensors)
        nodes = dict.fromkeys(node.name for node in self.graph.nodes)
        self.names: ChainMap[str, Any] = ChainMap(self.tensors, nodes)
        self.choices = Choices(routed.added)
        self.now: dict[str, str] = {}
        self.nodes: list[Node] = []

    def run(self) -> Routed:
        for node in self.graph.nodes:
            self.nodes.append(self._node(node))
        used = {t for n in self.nodes for t in (*n.inputs, *n.outputs)}
        used.update(self.graph.inputs)
        tensors = {name: t for name, t in self.tensors.items() if name in used}
        graph = dataclasses.replace(self.graph, tensors=tensors, nodes=self.nodes)
        return Routed(graph, self.choices.added, self.routed.moves)

    def _node(self, node: Node) -> Node:
        x, y = node.inputs[0], node.outputs[0]
        inputs = [self.now.get(name, name) for name in node.inputs]
        attrs = node.attrs
        if node.op == "conv2d" and x in self.orders:
            inputs[0], order = self._unfilled(x)
            inputs[1] = self._chosen(inputs[1], 3, order)
        if y in self.orders and node.op in ("conv2d", "depthwise_conv2d"):
            axis = 0 if node.op == "conv2d" else 3
            inputs[1] = self._chosen(inputs[1], axis, self.orders[y])
            inputs[2] = self._chosen(inputs[2], 0, self.orders[y])
        if node.op == "slice" and x in self.orders:
            attrs = self._cut(node)
        if y in self.orders:
            self.now[y] = self._tensor(y, len(self.orders[y]))
        outputs = (self.now.get(y, y),)
        return dataclasses.replace(node, inputs=tuple(inputs), outputs=outputs, attrs=attrs)

    def _unfilled(self, x: str) -> tuple[str, Order]:
        """The tensor without the spaces at its end, which a convolution would multiply."""
        order = self.orders[x]
        end = 1 + max(i for i, channel in enumerate(order) if channel >= 0)
        if end == len(order):
            return self.now[x], order
        y = self._tensor(x, end)
        self.nodes.append(Node(y, "slice", (self.now[x],), (y,), {"begin": 0, "size": end}))
        return y, order[:end]

    def _cut(self, node: Node) -> dict[str, Any]:
        """The attributes of a slice."""
        x, y = node.inputs[0], node.outputs[0]
        begin = self.orders[x].index(node.attrs["begin"])
        return {"begin": begin, "size": len(self.orders.get(y, range(node.attrs["size"])))}

    def _tensor(self, like: str, channels: int) -> str:
        name, found = unused(like, self.names), self.graph.tensors[like]
        shape = (*found.shape[:-1], channels)
        self.tensors[name] = dataclasses.replace(found, name=name, shape=shape, declared=None)
        return name

    def _chosen(self, constant: str, axis: int, order: Order) -> str:
        """A new constant, of chosen channels of another one; an absent bias stays absent."""
        if not constant:
            return constant
        name = unused(constant, self.names)
        found: Tensor = self.choices.choose(self.tensors[constant], name, axis, order)
        self.tensors[name] = found
        return name
