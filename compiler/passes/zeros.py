"""Channels of which every value is the zero point, whatever the network reads.

Padding of channels makes them. What follows from the operators alone counts, never a value of a
weight: cycles and counts of a network are those of any weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from compiler.ir.graph import Graph, Node
from compiler.ir.ops import FUNCTIONS, WEIGHT_AXIS
from compiler.passes.cells import extent

#: Whether each channel is the zero point, bool [channels].
Channels = NDArray[np.bool_]

#: Channels of weights by axis that a pass added, by the tensor's name.
Added = Mapping[str, Mapping[int, Channels]]

#: Functions that are not 0 where their argument is.
_NOT_ZERO = ("sigmoid", "hard_sigmoid", "lookup")

#: Operators whose channel is the zero point where the input's is.
_KEEPING = ("avg_pool2d", "max_pool2d", "mean", "resize", "quantize")


def keeps_zero(node: Node) -> bool:
    """Whether a channel of the zero point stays one in an operator of single channels."""
    biased = node.op == "depthwise_conv2d" and bool(node.inputs[2])
    return not biased and node.op not in _NOT_ZERO


def zero_channels(graph: Graph, added: Added, moves: frozenset[str]) -> dict[str, Channels]:
    """The channels of the zero point of each tensor, bool; tensors without any are left out.

    ``moves`` names convolutions with weights 0 and 1 that only move channels.
    """
    found: dict[str, Channels] = {}
    for node in graph.nodes:
        zeros = _of(graph, node, found, added, node.name in moves)
        if zeros is not None and zeros.any():
            found[node.outputs[0]] = zeros
    return found


def moved(graph: Graph, node: Node) -> NDArray[np.bool_]:
    """Input channels that each output channel of a moving convolution takes, bool [out, in]."""
    data = graph.tensors[node.inputs[1]].data
    assert data is not None, node.name
    moves: NDArray[np.bool_] = data.reshape(len(data), -1) != 0
    return moves


def _of(
    graph: Graph, node: Node, found: dict[str, Channels], added: Added, moves: bool
) -> Channels | None:
    """The zero channels of what the node makes; None if there are none."""
    makes_some = node.op == "pad" or any(name in added for name in node.inputs)
    if not makes_some and not any(name in found for name in node.inputs):
        return None
    inputs = [
        found.get(x, np.zeros(graph.tensors[x].shape[-1], bool)) if x else np.zeros(0, bool)
        for x in node.inputs
    ]
    if moves:
        others: Channels = np.any(moved(graph, node) & ~inputs[0], axis=1)
        return ~others
    if node.op in WEIGHT_AXIS:
        return _weighted(graph, node, inputs[0], added.get(node.inputs[1], {}))
    if node.op in _KEEPING or node.op in FUNCTIONS:
        return inputs[0] if keeps_zero(node) else None
    rule = _RULES.get(node.op)
    return rule(graph, node, inputs) if rule else None


def _weighted(
    graph: Graph, node: Node, x: Channels, added: Mapping[int, Channels]
) -> Channels | None:
    """Channels that a pass added; without a bias, those that only add up zero channels."""
    channels = graph.tensors[node.outputs[0]].shape[-1]
    new = added.get(WEIGHT_AXIS[node.op], np.zeros(channels, bool))
    if node.inputs[2]:
        return new
    if node.op == "depthwise_conv2d":
        return new | x.repeat(node.attrs["depth_multiplier"])
    groups = node.attrs.get("groups", 1)
    if node.op == "conv2d" and groups == 1:
        x = x | added.get(3, np.zeros(len(x), bool))
    return new | x.reshape(groups, -1).all(1).repeat(channels // groups)


def _pad(graph: Graph, node: Node, inputs: list[Channels]) -> Channels:
    return np.pad(inputs[0], node.attrs["channel_padding"], constant_values=True)


def _slice(graph: Graph, node: Node, inputs: list[Channels]) -> Channels:
    begin = node.attrs["begin"]
    return inputs[0][begin : begin + node.attrs["size"]]


def _shuffle(graph: Graph, node: Node, inputs: list[Channels]) -> Channels:
    return inputs[0].reshape(node.attrs["groups"], -1).T.reshape(-1)


def _concatenation(graph: Graph, node: Node, inputs: list[Channels]) -> Channels:
    return np.concatenate(inputs)


def _add(graph: Graph, node: Node, inputs: list[Channels]) -> Channels:
    return inputs[0] & inputs[1]


def _mul(graph: Graph, node: Node, inputs: list[Channels]) -> Channels:
    return inputs[0] | inputs[1]


def _reshape(graph: Graph, node: Node, inputs: list[Channels]) -> Channels:
    x, y = (extent(graph.tensors[name].shape) for name in (node.inputs[0], node.outputs[0]))
    if x[2] == y[2]:
        return inputs[0]
    zeros: Channels = np.all(np.broadcast_to(inputs[0], x).reshape(-1, y[2]), axis=0)
    return zeros


_RULES: dict[str, Callable[[Graph, Node, list[Channels]], Channels]] = {
    "pad": _pad,
    "slice": _slice,
    "channel_shuffle": _shuffle,
    "concatenation": _concatenation,
    "add": _add,
    "mul": _mul,
    "reshape": _reshape,
}
