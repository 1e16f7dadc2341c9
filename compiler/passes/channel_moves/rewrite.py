"""Moves of channels that disappear into the convolutions before and after them.

A convolution may make its output channels in any order and in several pieces, and may read its
input channels in any order with zero weights between. So where convolutions make all channels of
a shuffled or sliced tensor and read it, each channel is written once, where its reader wants it:

- the convolution before is cut by output channels into one convolution for each such tensor;
- the tensor is the concatenation of these pieces, of whole words, in the order that falls out;
- its consumers have their input channels in that order, with weights 0 where words are not full.

Pieces of half a word or less would cost a word each, for every reader and maker. They lie
together in one piece, from which a convolution of weights 0 and 1 takes those of a tensor.
"""

from __future__ import annotations

import dataclasses
from collections import ChainMap
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.passes.channel_moves.analysis import (
    ZERO,
    Source,
    moved_channels,
)
from compiler.passes.channel_moves.plan import (
    RoutePlan,
    plan_routes,
)
from compiler.passes.channel_moves.reorder import (
    Choices,
    pruned,
    unused,
)
from compiler.passes.zeros import Added

#: Attributes of a convolution of single pixels.
_POINT = {
    "stride": (1, 1),
    "dilation": (1, 1),
    "padding": (0, 0, 0, 0),
    "groups": 1,
    "activation": "none",
}


@dataclass(frozen=True)
class Routed:
    """A graph of the same values with fewer moves.

    ``added`` has the channels of weights by axis that are none of the model's, and 0; ``moves``
    names the convolutions that only move channels.
    """

    graph: Graph
    added: Added = field(default_factory=dict)
    moves: frozenset[str] = frozenset()


def route(graph: Graph, cols: int) -> Routed:
    """The graph with moves of channels taken into its convolutions, for words of ``cols``."""
    moved = moved_channels(graph)
    plan = plan_routes(graph, moved, cols)
    return _Router(graph, moved, plan, cols).run() if plan.targets else Routed(graph)


@dataclass(frozen=True)
class _Stand:
    """Substitute for a tensor: another one, and the tensor's channel (or -1) that each of its
    channels is."""

    name: str
    order: list[int]


class _Router:
    """Walks the nodes in order and writes those of the new graph."""

    def __init__(
        self, graph: Graph, moved: dict[str, list[Source]], plan: RoutePlan, cols: int
    ) -> None:
        self.graph, self.moved, self.plan, self.cols = graph, moved, plan, cols
        self.tensors = dict(graph.tensors)
        self.names: ChainMap[str, Any] = ChainMap(
            self.tensors, dict.fromkeys(node.name for node in graph.nodes)
        )
        self.nodes: list[Node] = []
        self.choices = Choices()
        self.moves: set[str] = set()
        self.cut_nodes = {n.name for chain in plan.chains.values() for n in chain}
        self.held: dict[str, Node] = {}
        self.stands: dict[str, _Stand] = {}
        self.pieces: dict[tuple[str, str], str] = {}
        self.tails: dict[str, list[tuple[str, list[Source]]]] = {}

    def run(self) -> Routed:
        for node in self.graph.nodes:
            y = node.outputs[0]
            if y in self.plan.targets:
                self._assemble(y)
                continue
            if node.inputs[0] in self.stands:
                node = self._behind(node, self.stands[node.inputs[0]])
            if node.name not in self.cut_nodes:
                self.nodes.append(node)
                continue
            self.held[node.name] = node
            if y in self.plan.chains:
                self._cut(y)
        graph = dataclasses.replace(self.graph, tensors=self.tensors, nodes=self.nodes)
        return Routed(pruned(graph, self.moved), self.choices.added, frozenset(self.moves))

    # Consumers of a tensor in another order.

    def _behind(self, node: Node, stand: _Stand) -> Node:
        """The node, which takes its channels in any order, as it reads ``stand``."""
        if node.op == "conv2d":
            weights = self._chosen(node.inputs[1], 3, stand.order)
            return dataclasses.replace(node, inputs=(stand.name, weights, node.inputs[2]))
        inputs = [stand.name, *node.inputs[1:]]
        if node.op == "depthwise_conv2d":
            inputs[1] = self._chosen(node.inputs[1], 3, stand.order)
            inputs[2] = self._chosen(node.inputs[2], 0, stand.order)
        name = self._tensor(node.outputs[0], len(stand.order))
        self.stands[node.outputs[0]] = _Stand(name, stand.order)
        return dataclasses.replace(node, inputs=tuple(inputs), outputs=(name,))

    # Producers of a tensor in pieces.

    def _cut(self, y: str) -> None:
        """One convolution, and what follows it, for each piece of the tensor and for its tail."""
        chain = [self.held[node.name] for node in self.plan.chains[y]]
        targets = {name: t for name, t in self.plan.targets.items() if y in t.pieces}
        for name, target in targets.items():
            channels = target.pieces[y]
            if channels:
                last = not target.tails and y == list(target.pieces)[-1]
                self.pieces[name, y] = self._piece(chain, channels, 1 if last else self.cols)
        tail = self.plan.tails[y]
        if tail:
            family = next(iter(targets.values())).family
            made = self._piece(chain, tail, self.cols)
            self.tails.setdefault(family, []).append((made, [(y, channel) for channel in tail]))

    def _piece(self, chain: list[Node], channels: list[int], multiple: int) -> str:
        """The chain for some output channels, and up to a multiple of others; its output."""
        order = [*channels, *[-1] * (-len(channels) % multiple)]
        conv, *functions = chain
        x, weights, bias = conv.inputs
        inputs = (x, self._chosen(weights, 0, order), self._chosen(bias, 0, order))
        name = self._node(conv, inputs, len(order))
        for function in functions:
            name = self._node(function, (name, *function.inputs[1:]), len(order))
        return name

    def _node(self, like: Node, inputs: tuple[str, ...], channels: int) -> str:
        """A node as ``like`` on other inputs; its output."""
        name = self._tensor(like.outputs[0], channels)
        self.nodes.append(dataclasses.replace(like, name=name, inputs=inputs, outputs=(name,)))
        return name

    def _assemble(self, name: str) -> None:
        """The target ``name`` as the concatenation of its pieces."""
        target = self.plan.targets[name]
        parts = [
            (self.pieces[name, maker], [(maker, c) for c in channels])
            for maker, channels in target.pieces.items()
            if channels
        ]
        if target.tails:
            parts.append((self._gather(name, target.tails), target.tails))
        place = {source: i for i, source in enumerate(self.moved[name])}
        order = []
        for part, sources in parts:
            channels = [place[source] for source in sources]
            order += channels + [-1] * (self.tensors[part].shape[-1] - len(channels))
        made = self._joined(name, [part for part, _ in parts])
        self.stands[name] = _Stand(made, order)

    def _gather(self, name: str, tails: list[Source]) -> str:
        """The convolution that takes channels from the tails of the family that are made by now."""
        family = self.plan.targets[name].family
        made = self.tails[family]
        lies = [
            source
            for tensor, sources in made
            for source in sources + [ZERO] * (self.tensors[tensor].shape[-1] - len(sources))
        ]
        x = self._joined(name, [tensor for tensor, _ in made])
        self.tails[family] = [(x, lies)]
        weights = np.zeros((len(tails), 1, 1, len(lies)), np.int8)
        weights[np.arange(len(tails)), 0, 0, [lies.index(source) for source in tails]] = 1
        constant = unused(f"{name}/choice", self.names)
        quant = Quant((1.0,), (0,))
        self.tensors[constant] = Tensor(constant, weights.shape, "int8", quant, weights)
        y = self._tensor(name, len(tails))
        self.nodes.append(Node(y, "conv2d", (x, constant, ""), (y,), dict(_POINT)))
        self.moves.add(y)
        return y

    def _joined(self, name: str, parts: list[str]) -> str:
        """The concatenation of tensors, itself if there is one."""
        if len(parts) == 1:
            return parts[0]
        y = self._tensor(name, sum(self.tensors[part].shape[-1] for part in parts))
        self.nodes.append(Node(y, "concatenation", tuple(parts), (y,), {}))
        return y

    # Tensors.

    def _tensor(self, like: str, channels: int) -> str:
        """A new tensor as ``like`` with other channels."""
        name = unused(like, self.names)
        found = self.graph.tensors[like]
        shape = (*found.shape[:-1], channels)
        self.tensors[name] = dataclasses.replace(found, name=name, shape=shape, declared=None)
        return name

    def _chosen(self, constant: str, axis: int, order: list[int]) -> str:
        """A new constant, of chosen channels of another one; an absent bias stays absent."""
        if not constant:
            return constant
        name = unused(constant, self.names)
        self.tensors[name] = self.choices.choose(self.tensors[constant], name, axis, order)
        return name
