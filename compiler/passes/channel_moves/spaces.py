"""Channels in words of their own, so that concatenations and slices begin with words.

A channel at which a concatenation puts two tensors together, or a slice cuts one, begins a word in
all tensors of its class. The last word before it has spaces. They cost what the array multiplies by
0 there; a map takes as many words more as its parts would alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.ir.graph import Graph, Node
from compiler.passes.channel_moves.classes import Classes

#: For each channel of a tensor with spaces the one that it was, -1 in a space.
Order = list[int]


def spaced(graph: Graph, classes: Classes, moves: Iterable[Node], cols: int) -> dict[str, Order]:
    """The channels of each class, by its first tensor, with which ``moves`` move whole words of
    ``cols``; classes that have no spaces are left out."""
    return _Cuts(graph, classes, list(moves), cols).run()


class _Cuts:
    """Grows the channels that begin words, and the classes that end with a whole word, until they
    fit all moves."""

    def __init__(self, graph: Graph, classes: Classes, moves: list[Node], cols: int) -> None:
        self.graph, self.first, self.moves, self.cols = graph, classes.first, moves, cols
        touched = {self.first[t] for n in moves for t in (*n.inputs, *n.outputs)}
        self.cuts: dict[str, set[int]] = {name: set() for name in touched}
        self.whole: set[str] = set()

    def run(self) -> dict[str, Order]:
        size = -1
        while size != self._size():
            size = self._size()
            for node in self.moves:
                if node.op == "slice":
                    self._slice(node)
                else:
                    self._concatenation(node)
        orders = {name: self._order(name) for name in self.cuts}
        return {n: order for n, order in orders.items() if len(order) > self._channels(n)}

    def _size(self) -> int:
        return len(self.whole) + sum(map(len, self.cuts.values()))

    def _channels(self, tensor: str) -> int:
        return self.graph.tensors[tensor].shape[-1]

    def _concatenation(self, node: Node) -> None:
        y, begin = self.first[node.outputs[0]], 0
        for name in node.inputs:
            x, end = self.first[name], begin + self._channels(name)
            self._share(y, x, begin, end)
            if begin:
                self.cuts[y].add(begin)
            if name != node.inputs[-1] or y in self.whole:
                self.whole.add(x)
            begin = end
        if self.first[node.inputs[-1]] in self.whole:
            self.whole.add(y)

    def _slice(self, node: Node) -> None:
        x, y, begin = self.first[node.inputs[0]], self.first[node.outputs[0]], node.attrs["begin"]
        channels, end = self._channels(x), begin + node.attrs["size"]
        self.cuts[x].update({begin, end} - {0, channels})
        self._share(x, y, begin, end)
        if y in self.whole and end == channels:
            self.whole.add(x)

    def _share(self, all_of_them: str, part: str, begin: int, end: int) -> None:
        """Let channels ``begin`` to ``end`` of one class begin words where those of ``part`` do."""
        own = self.cuts[all_of_them]
        own.update(begin + cut for cut in tuple(self.cuts[part]))
        self.cuts[part].update(cut - begin for cut in tuple(own) if begin < cut < end)

    def _order(self, name: str) -> Order:
        channels = self._channels(name)
        ends = sorted({*self.cuts[name], channels})
        order: Order = []
        for begin, end in zip([0, *ends], ends, strict=False):
            order += range(begin, end)
            if end < channels or name in self.whole:
                order += [-1] * (-len(order) % self.cols)
        return order
