"""Cycles of the array for moves of channels, and for what is computed in their stead.

They are estimates for one pixel group of an output in array shape 0, times the pixels, to weigh
ways to lay out the channels against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from compiler.ir.graph import Graph, Node
from compiler.passes.channel_moves.classes import Classes
from compiler.passes.channel_moves.spaces import Order

#: Cycles that a word of a pixel group takes to leave the array: with a residual, and without.
SUM, WORD = 32.0, 9.2


class Cycles:
    """Whether cycles ``fall`` if classes have their channels in these orders, and ``moves`` move
    whole words."""

    def __init__(
        self,
        graph: Graph,
        classes: Classes,
        orders: Mapping[str, Order],
        moves: Sequence[Node],
        cols: int,
    ) -> None:
        self.graph, self.cols = graph, cols
        self.orders = {t: orders[c] for t, c in classes.first.items() if c in orders}
        self.moves = {node.name for node in moves}
        self.fall = sum(map(self._change, graph.nodes)) < 0

    def _change(self, node: Node) -> float:
        """The cycles of a node more than now."""
        x, y = node.inputs[0], node.outputs[0]
        pixels = int(math.prod(self.graph.tensors[y].shape[:-1]))
        if node.name in self.moves:
            return -pixels * self._move(node)
        if x not in self.orders and y not in self.orders:
            return 0
        return pixels * (self._taken(node, self._after) - self._taken(node, self._before))

    def _before(self, tensor: str) -> int:
        return self.graph.tensors[tensor].shape[-1]

    def _after(self, tensor: str) -> int:
        return len(self.orders[tensor]) if tensor in self.orders else self._before(tensor)

    def _taken(self, node: Node, channels: Callable[[str], int]) -> float:
        """Cycles of a pixel group where tensors have so many channels."""
        words = math.ceil(channels(node.outputs[0]) / self.cols)
        if node.op == "add":
            return words * SUM
        taps = int(math.prod(node.attrs.get("kernel", (1, 1))))
        if node.op in ("conv2d", "depthwise_conv2d"):
            taps = int(math.prod(self.graph.tensors[node.inputs[1]].shape[1:3]))
        if node.op == "conv2d":
            taps *= channels(node.inputs[0])
        return words * max(taps, WORD)

    def _move(self, node: Node) -> float:
        """Cycles of a pixel group for a concatenation or a slice as it is: an output word takes
        the channels of all words that its own come from."""
        if node.op == "slice":
            begin = int(node.attrs["begin"])
            if begin % self.cols == 0:
                return 0
            sources = [begin + i for i in range(node.attrs["size"])]
        else:
            counts = [self._before(x) for x in node.inputs]
            if not any(count % self.cols for count in counts[:-1]):
                return 0
            sources, plane = [], 0
            for count in counts:
                sources += [plane * self.cols + i for i in range(count)]
                plane += -(-count // self.cols)
        added = [n.op for n in self.graph.consumers(node.outputs[0])] == ["add"]
        least = SUM if added else WORD
        cycles = sum(
            max(least, float(self.cols * (1 + own[-1] // self.cols - own[0] // self.cols)))
            for own in (sources[i : i + self.cols] for i in range(0, len(sources), self.cols))
        )
        # An addition joins the pass.
        return cycles - (math.ceil(len(sources) / self.cols) * SUM if added else 0)
