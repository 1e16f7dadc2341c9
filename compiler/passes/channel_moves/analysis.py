"""Sources of the channels of a tensor, through all the nodes that only move channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compiler.ir.graph import Graph, Node

#: A channel of a tensor that some node computes (or of an input), or ZERO.
Source = tuple[str, int]

#: A channel of the zero point.
ZERO: Source = ("", -1)


def moved_channels(graph: Graph) -> dict[str, list[Source]]:
    """The sources of every tensor that a slice, a shuffle, a concatenation or padding of channels
    makes of values as they are."""
    found: dict[str, list[Source]] = {}
    for node in graph.nodes:
        if not _moves(graph, node):
            continue
        inputs = [
            found.get(x, [(x, c) for c in range(graph.tensors[x].shape[-1])]) for x in node.inputs
        ]
        found[node.outputs[0]] = _MOVES[node.op](node.attrs, inputs)
    return found


def _moves(graph: Graph, node: Node) -> bool:
    """Whether the node moves channels of a map and no pixels, and keeps the very parameters."""
    y = graph.tensors[node.outputs[0]]
    return (
        node.op in _MOVES
        and node.name not in graph.on_host
        and len(y.shape) == 4
        and not any(node.attrs.get("padding", ()))
        and all(graph.tensors[x].quant == y.quant for x in node.inputs)
    )


def _slice(attrs: dict[str, Any], inputs: list[list[Source]]) -> list[Source]:
    return inputs[0][attrs["begin"] : attrs["begin"] + attrs["size"]]


def _shuffle(attrs: dict[str, Any], inputs: list[list[Source]]) -> list[Source]:
    each = len(inputs[0]) // attrs["groups"]
    return [source for first in range(each) for source in inputs[0][first::each]]


def _pad(attrs: dict[str, Any], inputs: list[list[Source]]) -> list[Source]:
    before, after = attrs["channel_padding"]
    return [ZERO] * before + inputs[0] + [ZERO] * after


def _join(attrs: dict[str, Any], inputs: list[list[Source]]) -> list[Source]:
    return [source for sources in inputs for source in sources]


_MOVES: dict[str, Callable[[dict[str, Any], list[list[Source]]], list[Source]]] = {
    "slice": _slice,
    "channel_shuffle": _shuffle,
    "pad": _pad,
    "concatenation": _join,
}
