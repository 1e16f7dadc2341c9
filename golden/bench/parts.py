"""A part of a graph as a graph of its own: the nodes of the array, or those of the host."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any


def part_of(graph: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The nodes called ``names``, in order, with the tensors that they take from the others as
    inputs and those that they give to them, or to the user, as outputs."""
    nodes = [node for node in graph["nodes"] if node["name"] in names]
    others = [node for node in graph["nodes"] if node["name"] not in names]
    made = _unique(name for node in nodes for name in node["outputs"])
    wanted = {*graph["outputs"], *_reads(graph, others)}
    return {
        **graph,
        "nodes": nodes,
        "inputs": [name for name in _reads(graph, nodes) if name not in made],
        "outputs": [name for name in made if name in wanted],
    }


def _reads(graph: Mapping[str, Any], nodes: Collection[Mapping[str, Any]]) -> list[str]:
    """The activations that nodes read, each once."""
    tensors = graph["tensors"]
    names = (name for node in nodes for name in node["inputs"] if name)
    return _unique(name for name in names if tensors[name]["data"] is None)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
