"""Segments of hardware layers, each followed by nodes of the host.

A segment is one run of the machine, from start to interrupt. A node goes to the first segment in
which what it reads is there: a layer reads in segment k what layers make in the segments up to k
and the host after those before k; the host reads after segment k what either has made by then. So
there are as few segments as the order of the nodes permits.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp, HostNode
from compiler.ir.graph import Graph, Node


class Segments:
    """The segments of the nodes seen so far, in execution order."""

    def __init__(self, graph: Graph) -> None:
        self.host: list[HostNode] = []
        self._for_layers = dict.fromkeys(graph.inputs, 0)
        self._for_host = dict.fromkeys(graph.inputs, 0)
        self._order = {node.name: i for i, node in enumerate(graph.nodes)}

    def add_hardware(self, node: Node) -> None:
        """Note a node that becomes layers or a view; ``of`` is then its segment."""
        segment = self._latest(self._for_layers, node)
        for name in node.outputs:
            self._for_layers[name] = self._for_host[name] = segment

    def add_host(self, node: Node, reason: str, viewed: bool) -> None:
        """Note a node of the host; ``viewed`` says that layers have its result as well."""
        segment = self._latest(self._for_host, node)
        self.host.append(HostNode(node, segment, reason))
        for name in node.outputs:
            self._for_host[name] = segment
            if not viewed:
                self._for_layers[name] = segment + 1

    def of(self, tensor: str) -> int:
        """The segment from which on layers can read the tensor."""
        return self._for_layers[tensor]

    def on_host(self, tensor: str) -> bool:
        """Whether the host makes the tensor and layers could only read what it wrote."""
        return self._for_layers[tensor] > self._for_host[tensor]

    def made_by_host(self, tensor: str) -> bool:
        """Whether the host makes the tensor, layers having it as well or not."""
        return any(tensor in h.node.outputs for h in self.host)

    def sorted_host(self) -> list[HostNode]:
        """The host's nodes in the order in which they run."""
        return sorted(self.host, key=lambda h: (h.segment, self._order[h.node.name]))

    def _latest(self, ready: dict[str, int], node: Node) -> int:
        return max((ready[name] for name in node.inputs if name in ready), default=0)


def made_in(ops: Iterable[ArrayOp], maps: dict[str, FeatureMap]) -> dict[str, int]:
    """The segment whose layers make each map, or parts of it; none for those of the host."""
    made = {}
    for op in ops:
        name = op.output
        while name:
            made[name] = op.segment
            name = maps[name].parent
    return made


def crossing(ops: Iterable[ArrayOp], maps: dict[str, FeatureMap]) -> set[str]:
    """The maps that a layer reads in another segment than the one that makes them.

    Of a map that no layer makes, another view of one that layers do, it is the latter.
    """
    ops = list(ops)
    made = made_in(ops, maps)
    found = set()
    for op in ops:
        for name in op.reads:
            while name not in made and maps[name].parent:
                name = maps[name].parent
            if made.get(name, op.segment) != op.segment:
                found.add(name)
    return found
