"""Concatenations of tensors that an earlier one joins already: they read that one instead.

A dense block (arXiv 1608.06993) joins all its maps so far before each layer. A map is made in its
place in one concatenation and copied to others, so n layers take n (n - 1) / 2 copies. Nested, each
concatenation is a part of the next one, and nothing is copied.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from compiler.ir.graph import Graph, Node
from compiler.passes.host import host_reason


def nest(graph: Graph, cols: int) -> Graph:
    """The graph with concatenations that read the longest earlier ones where these fill words of
    ``cols`` channels; itself where none do."""
    known: dict[str, list[Node]] = {}
    nodes = []
    for node in graph.nodes:
        nodes.append(node)
        if node.op != "concatenation" or host_reason(graph, node):
            continue
        nodes[-1] = dataclasses.replace(node, inputs=tuple(_inputs(graph, node, known, cols)))
        if len(set(node.inputs)) == len(node.inputs) > 1:
            known.setdefault(node.inputs[0], []).insert(0, node)
    return dataclasses.replace(graph, nodes=nodes) if nodes != graph.nodes else graph


def _inputs(graph: Graph, node: Node, known: dict[str, list[Node]], cols: int) -> Iterator[str]:
    """The node's inputs, earlier concatenations in place of all that these join."""
    rest: Sequence[str] = node.inputs
    while rest:
        inner = max(
            (n for n in known.get(rest[0], ()) if _fits(graph, n, node, rest, cols)),
            key=lambda n: len(n.inputs),
            default=None,
        )
        yield inner.outputs[0] if inner else rest[0]
        rest = rest[len(inner.inputs) if inner else 1 :]


def _fits(graph: Graph, inner: Node, node: Node, rest: Sequence[str], cols: int) -> bool:
    """Whether the next inputs of ``node`` are those of ``inner``, in whole words."""
    count = len(inner.inputs)
    x, y = (graph.tensors[n.outputs[0]] for n in (inner, node))
    whole = x.shape[-1] % cols == 0 or count == len(rest)
    return whole and x.quant == y.quant and tuple(rest[:count]) == inner.inputs
