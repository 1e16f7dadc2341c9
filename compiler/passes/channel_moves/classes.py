"""Tensors that have the same channels in the same places, whatever that places are."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.graph import Graph, Node
from compiler.ir.ops import FUNCTIONS
from compiler.passes.host import host_reason

#: Operators whose operands and result have the same channels.
_ALIKE = ("avg_pool2d", "max_pool2d", "mean", "resize", "quantize", "add", "mul", *FUNCTIONS)


@dataclass(frozen=True)
class Classes:
    """``first`` has the first tensor of its class for each activation.

    Channels of the classes in ``fixed`` stay where they are. ``moves`` are the concatenations and
    slices, whose operands are in other classes than their results.
    """

    first: dict[str, str]
    fixed: frozenset[str]
    moves: tuple[Node, ...]


def channel_classes(graph: Graph) -> Classes:
    """The classes of a graph's activations.

    Convolutions of all channels take and make them in any order. What the host or the user sees,
    and what any other operator reads or makes, is fixed.
    """
    found = _Union()
    fixed = {*graph.inputs, *graph.outputs}
    moves = []
    for node in graph.nodes:
        names = [n for n in (*node.inputs, *node.outputs) if n and not graph.tensors[n].is_constant]
        for name in names:
            found.first(name)
        if host_reason(graph, node) or any(len(graph.tensors[n].shape) != 4 for n in names):
            fixed.update(names)
        elif _keeps_channels(node):
            for name in names[1:]:
                found.join(names[0], name)
        elif node.op in ("concatenation", "slice"):
            moves.append(node)
        elif node.op != "conv2d" or node.attrs["groups"] > 1:
            fixed.update(names)
    for node in moves:
        # A tensor at two places has spaces behind it for one of them.
        if len(set(node.inputs)) < len(node.inputs):
            fixed.update((*node.inputs, *node.outputs))
    first = {name: found.first(name) for name in found.parents}
    return Classes(first, frozenset(first[name] for name in fixed), tuple(moves))


def _keeps_channels(node: Node) -> bool:
    return (
        node.op in _ALIKE
        or (node.op == "depthwise_conv2d" and node.attrs["depth_multiplier"] == 1)
        or (node.op == "pad" and not any(node.attrs["channel_padding"]))
    )


class _Union:
    """Disjoint sets of names."""

    def __init__(self) -> None:
        self.parents: dict[str, str] = {}

    def first(self, name: str) -> str:
        """The name that stands for the set of ``name``."""
        found = self.parents.setdefault(name, name)
        while found != self.parents[found]:
            found = self.parents[found]
        self.parents[name] = found
        return found

    def join(self, one: str, other: str) -> None:
        """Make one set of two."""
        self.parents[self.first(other)] = self.first(one)
