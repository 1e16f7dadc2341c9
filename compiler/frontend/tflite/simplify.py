"""A graph with fewer nodes of the very same values: tables of functions, reshapes of reshapes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.ops import FUNCTIONS
from golden.network import run_node

#: Operators of two operands.
_BINARY = ("add", "mul", "elementwise")


def simplified(graph: Graph) -> Graph:
    """The graph after both rewrites, without the nodes that nobody reads any more."""
    before = {name for node in graph.nodes for name in node.inputs} | set(graph.outputs)
    made = _merged_reshapes(_with_tables(graph))
    read = set(graph.outputs)
    nodes: list[Node] = []
    for node in reversed(made.nodes):
        # What nothing read before stays, and is refused where it is of no use.
        if node.outputs[0] in read or node.outputs[0] not in before:
            nodes.insert(0, node)
            read.update(node.inputs)
    used = read | {name for node in nodes for name in node.outputs} | set(graph.inputs)
    unread = graph.tensors.keys() - {
        n for node in graph.nodes for n in (*node.inputs, *node.outputs)
    }
    tensors = {name: t for name, t in made.tensors.items() if name in used or name in unread}
    return replace(made, nodes=nodes, tensors=tensors)


# Tables.


def _with_tables(graph: Graph) -> Graph:
    """Every function of two operands that follow from one int8 activation, and constants of one
    value, as the table of its 256 results, which golden's own kernels compute."""
    tables = _Tables(graph)
    nodes = [tables.visit(node) for node in graph.nodes]
    return replace(graph, nodes=nodes, tensors={**graph.tensors, **tables.added})


class _Tables:
    """The walk over the nodes. ``origin`` has the activation that a tensor is a function of,
    ``values`` its values for each of that one's 256."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.plain = graph.to_dict()
        self.origin: dict[str, str] = {}
        self.values: dict[str, np.ndarray] = {}
        self.added: dict[str, Tensor] = {}

    def visit(self, node: Node) -> Node:
        """The node, or the table that it amounts to."""
        origin = self._origin(node)
        if origin is None:
            return node
        y = node.outputs[0]
        self.origin[y] = origin
        self.values[y] = self._computed(node)
        if node.op not in _BINARY:
            return node
        name = f"{y}/table"
        while name in self.graph.tensors or name in self.added:
            name += "'"
        table = self.values[y].reshape(256)
        self.added[name] = Tensor(name, (256,), "int8", None, table)
        return Node(node.name, "lookup", (origin, name), node.outputs, {})

    def _origin(self, node: Node) -> str | None:
        """The only activation that the node's result is a function of, value by value."""
        tensors = self.graph.tensors
        if node.op not in (*_BINARY, *FUNCTIONS, "quantize"):
            return None
        y = tensors[node.outputs[0]]
        found = set()
        for name in self._operands(node):
            x = tensors[name]
            if x.is_constant:
                if math.prod(x.shape) != 1:
                    return None
            elif x.shape != y.shape or x.dtype != "int8" or x.quant is None:
                return None
            else:
                found.add(self.origin.get(name, name))
        return found.pop() if len(found) == 1 and y.dtype == "int8" and y.quant else None

    def _operands(self, node: Node) -> Iterator[str]:
        yield from (node.inputs[:1] if node.op in FUNCTIONS else node.inputs)

    def _computed(self, node: Node) -> np.ndarray:
        every = np.arange(-128, 128).astype(np.int8).reshape(1, 256)
        values = {name: self.values.get(name, every) for name in self._activations(node)}
        tensors = dict(self.plain["tensors"])
        for name in (*values, *node.outputs):
            tensors[name] = {**tensors[name], "shape": (1, 256)}
        for name in node.inputs:
            if node.op not in FUNCTIONS and name not in values:
                tensors[name] = {**tensors[name], "data": tensors[name]["data"].reshape(1)}
        plain = next(n for n in self.plain["nodes"] if n["name"] == node.name)
        made: np.ndarray = run_node({"tensors": tensors}, plain, values)[node.outputs[0]]
        return made

    def _activations(self, node: Node) -> list[str]:
        return [n for n in self._operands(node) if not self.graph.tensors[n].is_constant]


# Reshapes.


def _merged_reshapes(graph: Graph) -> Graph:
    """Reshapes read what was not reshaped, and those to the same shape are left out."""
    source: dict[str, str] = {}
    alias: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(alias.get(name, name) for name in node.inputs)
        node = replace(node, inputs=inputs)
        if node.op == "reshape":
            x, y = inputs[0], node.outputs[0]
            first = source.get(x, x)
            if graph.tensors[first].quant == graph.tensors[y].quant:
                source[y] = first
                node = replace(node, inputs=(first,))
                if graph.tensors[first].shape == graph.tensors[y].shape:
                    alias[y] = first
        nodes.append(node)
    return replace(graph, nodes=nodes)
