"""Convolutions of groups around a channel shuffle as convolutions of all channels of slices.

Each makes or reads the channels of one group. Then the shuffle disappears into them as other moves
do, if the channels that go from one group to another fill words well enough.
"""

from __future__ import annotations

import dataclasses
import math
from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.ir.graph import Graph, Node
from compiler.passes.channel_moves.cycles import SUM, WORD
from compiler.passes.channel_moves.reorder import chosen, unused
from compiler.passes.host import host_reason


@dataclass(frozen=True)
class _Unit:
    """Layers around a shuffle: convolutions of ``groups`` before and after it, a depthwise one
    between, and the addition behind them if there is one."""

    first: Node
    shuffle: Node
    depthwise: Node
    second: Node
    add: Node | None

    @property
    def groups(self) -> int:
        """Groups of the convolutions."""
        return int(self.shuffle.attrs["groups"])

    @property
    def layers(self) -> set[str]:
        """Names of the layers that are written anew."""
        nodes = (self.first, self.depthwise, self.second, self.add)
        return {node.name for node in nodes if node is not None}


def ungroup(graph: Graph, cols: int) -> Graph:
    """The graph with convolutions of slices where that takes fewer cycles than the shuffle."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    makers = {name: node for node in graph.nodes for name in node.outputs}
    shuffles = [node for node in graph.nodes if node.op == "channel_shuffle"]
    units = [u for s in shuffles if (u := _unit(graph, s, makers, readers)) is not None]
    units = _apart([u for u in units if _falls(graph, u, cols)])
    return _Ungrouper(graph, units).run() if units else graph


def _unit(
    graph: Graph, shuffle: Node, makers: dict[str, Node], readers: dict[str, list[Node]]
) -> _Unit | None:
    def only(name: str) -> Node | None:
        found = readers.get(name, [])
        return found[0] if len(found) == 1 and name not in graph.outputs else None

    groups = shuffle.attrs["groups"]
    a, b = shuffle.inputs[0], shuffle.outputs[0]
    first, depthwise = makers.get(a), only(b)
    if first is None or only(a) is not shuffle or graph.tensors[a].quant != graph.tensors[b].quant:
        return None
    if depthwise is None or depthwise.op != "depthwise_conv2d":
        return None
    second = only(depthwise.outputs[0])
    if second is None or depthwise.attrs["depth_multiplier"] != 1 or b != depthwise.inputs[0]:
        return None
    for conv in (first, second):
        if conv.op != "conv2d" or conv.attrs["groups"] != groups:
            return None
    add = only(second.outputs[0])
    if add is not None and (add.op != "add" or len(set(add.inputs)) < 2):
        add = None
    unit = _Unit(first, shuffle, depthwise, second, add)
    nodes = [n for n in (first, shuffle, depthwise, second, add) if n is not None]
    hosted = any(host_reason(graph, n) for n in nodes)
    return None if hosted or first.inputs[0] in graph.inputs else unit


def _apart(units: Sequence[_Unit]) -> list[_Unit]:
    """The units without those that share a layer with one before."""
    kept: list[_Unit] = []
    taken: set[str] = set()
    for unit in units:
        if taken.isdisjoint(unit.layers):
            kept.append(unit)
            taken |= unit.layers
    return kept


def _falls(graph: Graph, unit: _Unit, cols: int) -> bool:
    """Whether the unit takes fewer cycles of a pixel group, as in ``cycles``."""
    groups = unit.groups
    taken, middle, made = (
        graph.tensors[name].shape[-1] // groups
        for name in (unit.first.inputs[0], unit.shuffle.inputs[0], unit.second.outputs[0])
    )
    pieces = [middle // groups, -(-middle // groups)]
    if taken % cols or made % cols or min((p - 1) % cols for p in pieces) < cols // 2:
        return False
    words = groups * groups * math.ceil(pieces[1] / cols)
    least = WORD if unit.add is None else SUM
    outputs = groups * made // cols
    read = words // groups * cols - (-pieces[1] % cols)
    after = words * (max(taken, WORD) + WORD) + outputs * max(read, least)
    first = np.arange(groups * middle)
    order = first.reshape(groups, -1).T.reshape(-1)
    before = _hull(first // middle * taken, cols, taken) + _hull(order, cols, 1)
    before += math.ceil(len(first) / cols) * WORD
    groups_read = np.arange(groups * made) // made * middle
    return after < before + _hull(groups_read, cols, middle, least)


def _hull(begins: np.ndarray, cols: int, width: int, least: float = WORD) -> float:
    """Cycles of output words whose channels read ``width`` channels from ``begins`` on."""
    words = [begins[i : i + cols] for i in range(0, len(begins), cols)]
    return sum(max(least, float(w.max() + width - w.min() // cols * cols)) for w in words)


class _Ungrouper:
    """Writes the units' nodes anew."""

    def __init__(self, graph: Graph, units: Sequence[_Unit]) -> None:
        self.graph = graph
        self.tensors = dict(graph.tensors)
        self.named: dict[str, Any] = dict.fromkeys(node.name for node in graph.nodes)
        self.names: ChainMap[str, Any] = ChainMap(self.tensors, self.named)
        self.first = {unit.first.name: unit for unit in units}
        self.last = {(unit.add or unit.second).name: unit for unit in units}
        self.gone = {n.name for u in units for n in (u.depthwise, u.second)}
        self.nodes: list[Node] = []

    def run(self) -> Graph:
        for node in self.graph.nodes:
            if node.name in self.first:
                self._before(self.first[node.name])
            elif node.name in self.last:
                self._after(self.last[node.name])
            elif node.name not in self.gone:
                self.nodes.append(node)
        used = {t for n in self.nodes for t in (*n.inputs, *n.outputs)} | {*self.graph.inputs}
        tensors = {name: t for name, t in self.tensors.items() if name in used}
        return dataclasses.replace(self.graph, tensors=tensors, nodes=self.nodes)

    def _before(self, unit: _Unit) -> None:
        """The first convolution, a group after another."""
        parts = [
            self._conv(unit.first, self._part(unit.first.inputs[0], unit, g), unit, g)
            for g in range(unit.groups)
        ]
        self._join(parts, unit.shuffle.inputs[0])

    def _after(self, unit: _Unit) -> None:
        """The layers behind the shuffle, a group after another."""
        parts = []
        for g in range(unit.groups):
            x = self._part(unit.shuffle.outputs[0], unit, g)
            x = self._depthwise(unit.depthwise, x, unit, g)
            x = self._conv(unit.second, x, unit, g)
            parts.append(x if unit.add is None else self._add(unit, x, g))
        self._join(parts, (unit.add or unit.second).outputs[0])

    def _part(self, x: str, unit: _Unit, group: int) -> str:
        """The channels of a group as a slice."""
        size = self.graph.tensors[x].shape[-1] // unit.groups
        y = self._tensor(x, unit)
        self.nodes.append(Node(y, "slice", (x,), (y,), {"begin": group * size, "size": size}))
        return y

    def _conv(self, node: Node, x: str, unit: _Unit, group: int) -> str:
        weights, bias = (self._chosen(name, 0, unit, group) for name in node.inputs[1:])
        return self._made(node, (x, weights, bias), unit, {"groups": 1})

    def _depthwise(self, node: Node, x: str, unit: _Unit, group: int) -> str:
        weights = self._chosen(node.inputs[1], 3, unit, group)
        bias = self._chosen(node.inputs[2], 0, unit, group)
        return self._made(node, (x, weights, bias), unit, {})

    def _add(self, unit: _Unit, made: str, group: int) -> str:
        assert unit.add is not None
        y = unit.second.outputs[0]
        inputs = (made if x == y else self._part(x, unit, group) for x in unit.add.inputs)
        return self._made(unit.add, tuple(inputs), unit, {})

    def _made(self, like: Node, inputs: tuple[str, ...], unit: _Unit, attrs: dict[str, Any]) -> str:
        y = self._tensor(like.outputs[0], unit)
        self.nodes.append(Node(y, like.op, inputs, (y,), {**like.attrs, **attrs}))
        return y

    def _join(self, parts: list[str], y: str) -> None:
        name = unused(y, self.names)
        self.named[name] = None
        self.nodes.append(Node(name, "concatenation", tuple(parts), (y,), {}))

    def _tensor(self, like: str, unit: _Unit) -> str:
        """A new tensor for a group of the channels of another one."""
        name, found = unused(like, self.names), self.graph.tensors[like]
        shape = (*found.shape[:-1], found.shape[-1] // unit.groups)
        self.tensors[name] = dataclasses.replace(found, name=name, shape=shape, declared=None)
        return name

    def _chosen(self, constant: str, axis: int, unit: _Unit, group: int) -> str:
        """A group of a constant's channels; an absent bias stays absent."""
        if not constant:
            return constant
        size = self.graph.tensors[constant].shape[axis] // unit.groups
        name = unused(constant, self.names)
        order = range(group * size, (group + 1) * size)
        self.tensors[name] = chosen(self.graph.tensors[constant], name, axis, order)
        return name
