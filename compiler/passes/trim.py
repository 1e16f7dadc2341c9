"""The graph without channels that no output needs and channels of zeros that padding added.

For each tensor the channels to keep are those that are needed (``needed``) and those that its nodes
cannot do without: operators of single channels have the same on both sides, moves those that
they move, groups stay whole, and what the host or the user sees, or a fully connected layer or a
reshape reads or makes, stays as it is. Convolutions of all channels choose freely on either side.
"""

from __future__ import annotations

import dataclasses
from collections import ChainMap
from typing import Any

import numpy as np

from compiler.hwir.feature_map import map_shape
from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.ops import ANY_AXES, FUNCTIONS
from compiler.passes.channel_moves.reorder import chosen, unused
from compiler.passes.host import FOLLOWERS, host_reason
from compiler.passes.needed import Needs
from compiler.passes.other_values import other_values

#: Operators whose operands and result have the same channels.
_SINGLE = ("avg_pool2d", "max_pool2d", "mean", "resize", "quantize", "add", "mul", *FUNCTIONS)

#: Operators that leave out nodes which move nothing.
_MOVES = ("slice", "pad", "channel_shuffle")


def trim(graph: Graph, needed: Needs) -> Graph:
    """The graph, whose outputs need what is ``needed``, with as few channels as its operators
    permit; itself where that is all of them.

    Tensors with fewer channels have new names, and so have those with other values in channels that
    no output needs.
    """
    if all(cells.whole for cells in needed.cells.values()):
        return graph
    kept = _Kept(graph, needed)
    masks = kept.run()
    if all(mask.all() for mask in masks.values()):
        return graph
    other = other_values(graph, masks, needed.zeros)
    changed = {name for name, mask in other.items() if mask.any()}
    assert not changed.intersection(graph.outputs), graph.name
    return _Trimmer(graph, masks, kept.whole, changed).run()


class _Kept:
    """Grows the channels to keep until they fit every node."""

    def __init__(self, graph: Graph, needed: Needs) -> None:
        self.graph, cells = graph, needed.cells
        self.masks = {name: found.channels for name, found in cells.items()}
        self.whole = {*graph.inputs, *graph.outputs}
        hosted = set[str]()
        for node in graph.nodes:
            follows = node.op in FOLLOWERS and node.inputs[0] in hosted
            # A fully connected layer may turn out to be the host's.
            fixed = node.op == "fully_connected" or node.op in ANY_AXES
            if follows or fixed or host_reason(graph, node):
                hosted.update(node.outputs)
                self.whole.update(name for name in (*node.inputs, *node.outputs) if name in cells)
            elif node.op == "reshape":
                shapes = [map_shape(graph.tensors[n]) for n in (*node.inputs, *node.outputs)]
                if shapes[0] != shapes[1]:
                    # The host may move its values.
                    hosted.update(node.outputs)
                self.whole.update((node.inputs[0], node.outputs[0]))

    def run(self) -> dict[str, np.ndarray]:
        for name, mask in self.masks.items():
            if name in self.whole:
                self.masks[name] = np.ones(len(mask), bool)
            elif not mask.any():
                self.masks[name] = np.arange(len(mask)) == 0
        changed = True
        while changed:
            changed = False
            for node in reversed(self.graph.nodes):
                for name, wanted in () if node.op in ANY_AXES else self._wanted(node):
                    if name and (wanted & ~self.masks[name]).any():
                        self.masks[name] = self.masks[name] | wanted
                        changed = True
        return self.masks

    def _wanted(self, node: Node) -> list[tuple[str, np.ndarray]]:
        """Channels that the node's tensors must have for what its others have."""
        x, y = node.inputs[0], node.outputs[0]
        own, made = self.masks[x], self.masks[y]
        if node.op in _SINGLE:
            names = [name for name in (*node.inputs, y) if name in self.masks]
            union = np.logical_or.reduce([self.masks[name] for name in names])
            return [(name, union) for name in names]
        if node.op == "depthwise_conv2d":
            return self._groups(node, len(own))
        if node.op in ("conv2d", "transpose_conv2d") and node.attrs["groups"] > 1:
            return self._groups(node, node.attrs["groups"])
        if node.op == "slice":
            begin, size = node.attrs["begin"], node.attrs["size"]
            spread = np.pad(made, (begin, len(own) - begin - size))
            return [(x, spread), (y, own[begin : begin + size])]
        if node.op == "pad":
            before, after = node.attrs["channel_padding"]
            return [(x, made[before : before + len(own)]), (y, np.pad(own, (before, after)))]
        if node.op == "channel_shuffle":
            return self._shuffle(node)
        if node.op == "concatenation":
            ends = np.cumsum([len(self.masks[name]) for name in node.inputs])
            parts = np.split(made, ends[:-1])
            joined = np.concatenate([self.masks[name] for name in node.inputs])
            return [(y, joined), *zip(node.inputs, parts, strict=True)]
        return []

    def _groups(self, node: Node, groups: int) -> list[tuple[str, np.ndarray]]:
        """Whole groups."""
        names = node.inputs[0], node.outputs[0]
        kept = np.any([self.masks[name].reshape(groups, -1).any(1) for name in names], axis=0)
        return [(name, kept.repeat(len(self.masks[name]) // groups)) for name in names]

    def _shuffle(self, node: Node) -> list[tuple[str, np.ndarray]]:
        """The same channels of some of the groups."""
        x, y, groups = node.inputs[0], node.outputs[0], node.attrs["groups"]
        table = self.masks[x].reshape(groups, -1) | self.masks[y].reshape(-1, groups).T
        table = table.any(1)[:, None] & table.any(0)
        return [(x, table.reshape(-1)), (y, table.T.reshape(-1))]


class _Trimmer:
    """Writes the nodes anew on the tensors that have fewer channels."""

    def __init__(
        self, graph: Graph, kept: dict[str, np.ndarray], whole: set[str], changed: set[str]
    ) -> None:
        self.graph, self.kept, self.whole, self.changed = graph, kept, whole, changed
        self.tensors: dict[str, Tensor] = {}
        nodes = dict.fromkeys(node.name for node in graph.nodes)
        self.names: ChainMap[str, Any] = ChainMap(self.tensors, nodes, dict.fromkeys(graph.tensors))
        self.now: dict[str, str] = {}

    def run(self) -> Graph:
        nodes = []
        for name in self.graph.inputs:
            self.tensors[name] = self.graph.tensors[name]
        for node in self.graph.nodes:
            nodes += self._node(node)
        return dataclasses.replace(self.graph, tensors=self.tensors, nodes=nodes)

    def _node(self, node: Node) -> list[Node]:
        """The node as it is now; nothing where a move has nothing left to move."""
        whole = all(self.kept[t].all() for t in (*node.inputs, *node.outputs) if t in self.kept)
        attrs = node.attrs if whole else {**node.attrs, **self._attrs(node)}
        if not whole and node.op in _MOVES and self._is_idle(node, attrs):
            self.now[node.outputs[0]] = self._activation(node.inputs[0])
            return []
        inputs = tuple(
            self._activation(name) if name in self.kept else self._constant(node, index, name)
            for index, name in enumerate(node.inputs)
        )
        y = node.outputs[0]
        self.now[y] = self._made(y)
        return [dataclasses.replace(node, inputs=inputs, outputs=(self.now[y],), attrs=attrs)]

    def _activation(self, name: str) -> str:
        return self.now.get(name, name)

    def _made(self, name: str) -> str:
        """The tensor ``name`` with the channels that are kept."""
        found, mask = self.graph.tensors[name], self.kept[name]
        if mask.all() and name not in self.changed:
            self.tensors[name] = found
            return name
        new, shape = unused(name, self.names), (*found.shape[:-1], int(mask.sum()))
        self.tensors[new] = dataclasses.replace(found, name=new, shape=shape, declared=None)
        return new

    def _constant(self, node: Node, index: int, name: str) -> str:
        """Weights or a bias for the channels that are kept."""
        if not name:
            return name
        new = self.graph.tensors[name]
        for axis, mask in self._axes(node, index):
            if not mask.all():
                new = chosen(new, unused(name, self.names), axis, np.flatnonzero(mask).tolist())
        self.tensors[new.name] = new
        return new.name

    def _axes(self, node: Node, index: int) -> list[tuple[int, np.ndarray]]:
        """The axes of a constant that count channels of the node's tensors."""
        if node.op in ANY_AXES:
            return []
        x, y = self.kept[node.inputs[0]], self.kept[node.outputs[0]]
        if index == 2 and node.op in ("conv2d", "depthwise_conv2d", "transpose_conv2d"):
            return [(0, y)]
        if node.op == "depthwise_conv2d":
            return [(3, y)]
        if node.op not in ("conv2d", "transpose_conv2d"):
            return []
        return [(0, y), (3, x)] if node.attrs["groups"] == 1 else [(0, y)]

    def _attrs(self, node: Node) -> dict[str, Any]:
        """The attributes that count channels."""
        x, y = self.kept[node.inputs[0]], self.kept[node.outputs[0]]
        if node.op == "slice":
            return {"begin": int(x[: node.attrs["begin"]].sum()), "size": int(y.sum())}
        if node.op == "pad":
            before, _ = node.attrs["channel_padding"]
            return {"channel_padding": (int(y[:before].sum()), int(y[before + len(x) :].sum()))}
        if node.attrs.get("groups", 1) > 1:
            return {"groups": int(x.reshape(node.attrs["groups"], -1).any(1).sum())}
        return {}

    def _is_idle(self, node: Node, attrs: dict[str, Any]) -> bool:
        if node.outputs[0] in self.whole:
            return False
        # A move's scale may differ a little from its input's, and its readers compute with its own.
        if len({self.graph.tensors[t].quant for t in (node.inputs[0], node.outputs[0])}) == 2:
            return False
        x, y = (int(self.kept[t].sum()) for t in (node.inputs[0], node.outputs[0]))
        if node.op == "channel_shuffle":
            return attrs["groups"] in (1, x)
        return x == y and not any(attrs.get("padding", ()))
