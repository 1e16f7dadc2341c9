"""Helpers for rewriting a graph: permute constants, name tensors, drop nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping, Sequence

import numpy as np

from compiler.ir.graph import Graph, Tensor


class Choices:
    """Constants that passes chose from others; ``added`` says which of their channels, by name and
    axis, are none of the model's, and 0."""

    def __init__(self, added: Mapping[str, Mapping[int, np.ndarray]] | None = None) -> None:
        self.added = dict(added or {})

    def choose(self, tensor: Tensor, name: str, axis: int, order: Sequence[int]) -> Tensor:
        """``chosen``, noting the channels that it adds."""
        places, before = np.asarray(order), self.added.get(tensor.name, {})
        new = places < 0
        if axis in before:
            new = new | before[axis][np.maximum(places, 0)]
        found = {**before, axis: new}
        if any(mask.any() for mask in found.values()):
            self.added[name] = found
        return chosen(tensor, name, axis, order)


def chosen(tensor: Tensor, name: str, axis: int, order: Sequence[int]) -> Tensor:
    """The constant with channel ``order[i]`` of ``axis`` at place i, 0 where that is -1.

    Scales of channels of that axis go with them; a channel of 0 has the scale of the first.
    """
    assert tensor.data is not None, tensor.name
    places = np.asarray(order)
    shape = [1] * tensor.data.ndim
    shape[axis] = len(places)
    data = np.take(tensor.data, np.maximum(places, 0), axis)
    data = np.where(places.reshape(shape) >= 0, data, 0).astype(tensor.data.dtype)
    quant = tensor.quant
    if quant is not None and quant.axis == axis:
        scale = tuple(quant.scale[max(place, 0)] for place in order)
        quant = dataclasses.replace(quant, scale=scale, zero_point=(0,) * len(scale))
    return dataclasses.replace(tensor, name=name, shape=data.shape, data=data, quant=quant)


def unused(like: str, names: Container[str]) -> str:
    """``like/0``, or with the first number that makes a new name."""
    number = 0
    while f"{like}/{number}" in names:
        number += 1
    return f"{like}/{number}"


def pruned(graph: Graph, tensors: Container[str]) -> Graph:
    """The graph without nodes that make ``tensors`` which nobody reads, and what only they need."""
    used = set(graph.outputs)
    nodes = []
    for node in reversed(graph.nodes):
        if node.outputs[0] in used or node.outputs[0] not in tensors:
            nodes.append(node)
            used.update(node.inputs)
    named = used | {t for n in nodes for t in n.outputs} | set(graph.inputs)
    kept = {name: t for name, t in graph.tensors.items() if name in named}
    return dataclasses.replace(graph, tensors=kept, nodes=nodes[::-1])
