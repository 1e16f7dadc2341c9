"""Channels that no output needs and that have other values once the graph is trimmed.

A convolution of which nothing is needed may lose channels that it reads. Its result then differs,
and so does what is computed from it, up to channels that nothing needs either.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compiler.ir.graph import Graph, Node

Masks = Mapping[str, np.ndarray]


def other_values(graph: Graph, kept: Masks, zeros: Masks) -> dict[str, np.ndarray]:
    """Channels of each activation, bool ``[channels]``, that differ from the model's.

    ``kept`` are the channels that remain. ``zeros`` are those that are zero throughout, whatever
    else changes.
    """
    other = {name: np.zeros(len(kept[name]), bool) for name in graph.inputs}
    for node in graph.nodes:
        x, y = node.inputs[0], node.outputs[0]
        wrong = (other[x] | ~kept[x]) & ~zeros.get(x, False)
        other[y] = _result(node, wrong, other, len(kept[y])) & ~zeros.get(y, False)
    return other


def _result(node: Node, wrong: np.ndarray, other: Masks, channels: int) -> np.ndarray:
    """The result's channels. ``wrong`` are those of the first operand that a sum misses."""
    own = other[node.inputs[0]]
    if node.op == "slice":
        return own[node.attrs["begin"] :][:channels]
    if node.op == "pad":
        return np.pad(own, node.attrs["channel_padding"])
    if node.op == "channel_shuffle":
        return own.reshape(node.attrs["groups"], -1).T.reshape(-1)
    if node.op == "concatenation":
        return np.concatenate([other[name] for name in node.inputs])
    groups = len(own) if node.op == "depthwise_conv2d" else node.attrs.get("groups", 1)
    if node.op in ("conv2d", "depthwise_conv2d", "transpose_conv2d"):
        return wrong.reshape(groups, -1).any(1).repeat(channels // groups)
    masks = [other[name] for name in node.inputs if name in other]
    if all(len(mask) == channels for mask in masks):
        either: np.ndarray = np.logical_or.reduce(masks)
        return either
    return np.full(channels, any(mask.any() for mask in masks))
