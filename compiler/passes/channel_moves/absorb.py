"""Convolutions that read a tensor's channels where they lie instead of moved ones.

The weights of a convolution of all channels stand in the order of the tensor that it reads, with 0
for channels that were sliced away; channels of the zero point, which padding adds, add nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections import ChainMap
from dataclasses import dataclass
from typing import Any

from compiler.ir.graph import Graph, Node, Tensor
from compiler.passes.channel_moves.analysis import (
    Source,
    moved_channels,
)
from compiler.passes.channel_moves.reorder import (
    Choices,
    pruned,
    unused,
)
from compiler.passes.channel_moves.rewrite import Routed
from compiler.passes.host import FOLLOWERS, host_reason


@dataclass(frozen=True)
class _Window:
    """Channels ``begin`` to ``end`` of a tensor, which a convolution can read instead of its input.

    ``order`` has the input's channel for each of them, -1 where there is none.
    """

    tensor: str
    begin: int
    end: int
    order: list[int]


def absorb(routed: Routed, cols: int) -> Routed:
    """The graph with moves taken in that rearrange the channels of one tensor.

    A convolution then reads all words from the first to the last that hold its channels, unless
    moving them costs less than multiplying those between by 0.
    """
    graph, choices = routed.graph, Choices(routed.added)
    moved = moved_channels(graph)
    inputs = _unsliced(graph)
    tensors, nodes = dict(graph.tensors), []
    names: ChainMap[str, Any] = ChainMap(tensors, dict.fromkeys(node.name for node in graph.nodes))
    for node in graph.nodes:
        sources = moved.get(node.inputs[0])
        plain = node.op == "conv2d" and node.attrs["groups"] == 1
        plain = plain and node.name not in graph.on_host
        window = _window(graph, sources, inputs, cols) if sources and plain else None
        if window is None or not _pays(graph, node, window, cols):
            nodes.append(node)
            continue
        x = window.tensor
        if window.end - window.begin < graph.tensors[x].shape[-1]:
            x = unused(x, names)
            nodes.append(_slice(x, window))
            tensors[x] = _sliced(graph, x, window)
        weights = unused(node.inputs[1], names)
        tensors[weights] = choices.choose(tensors[node.inputs[1]], weights, 3, window.order)
        nodes.append(dataclasses.replace(node, inputs=(x, weights, node.inputs[2])))
    if nodes == graph.nodes:
        return routed
    graph = pruned(dataclasses.replace(graph, tensors=tensors, nodes=nodes), moved)
    return Routed(graph, choices.added, routed.moves)


def _unsliced(graph: Graph) -> set[str]:
    """Tensors that may be an input of the network or a result of the host, which have no slices."""
    found = set(graph.inputs)
    for node in graph.nodes:
        follows = node.op in FOLLOWERS and node.inputs[0] in found
        if follows or host_reason(graph, node):
            found.update(node.outputs)
    return found


def _window(graph: Graph, sources: list[Source], inputs: set[str], cols: int) -> _Window | None:
    """The whole words of one tensor that hold the sources, unless they are such a part already."""
    makers = {maker for maker, _ in sources if maker}
    places = {channel: i for i, (maker, channel) in enumerate(sources) if maker}
    if len(makers) != 1 or len(places) < sum(1 for maker, _ in sources if maker):
        return None
    (tensor,) = makers
    begin, end = min(places) // cols * cols, max(places) + 1
    if tensor in inputs:
        begin, end = 0, graph.tensors[tensor].shape[-1]
    order = [places.get(channel, -1) for channel in range(begin, end)]
    if order == list(range(len(sources))):
        return None
    return _Window(tensor, begin, end, order)


def _pays(graph: Graph, node: Node, window: _Window, cols: int) -> bool:
    """Whether the zeros take fewer cycles of the array than moving the channels."""
    weights = graph.tensors[node.inputs[1]].shape
    read = window.end - window.begin
    zeros = math.ceil(weights[0] / cols) * math.prod(weights[1:3]) * (read - weights[3])
    return zeros <= math.ceil(weights[3] / cols) * read


def _slice(name: str, window: _Window) -> Node:
    attrs = {"begin": window.begin, "size": window.end - window.begin}
    return Node(name, "slice", (window.tensor,), (name,), attrs)


def _sliced(graph: Graph, name: str, window: _Window) -> Tensor:
    found = graph.tensors[window.tensor]
    shape = (*found.shape[:-1], window.end - window.begin)
    return dataclasses.replace(found, name=name, shape=shape, declared=None)
