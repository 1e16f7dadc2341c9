"""Concatenation of channels: its inputs are made where they belong, or copied there."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np

from compiler.hwir import constraints
from compiler.hwir.feature_map import FeatureMap, View, map_shape
from compiler.hwir.network import ArrayOp
from compiler.ir.graph import Graph, Node
from compiler.passes import operators
from compiler.passes.channel_moves.gather import gather
from compiler.passes.context import Context

#: Kernel, stride, dilation and padding of an operation that only moves pixels.
_ONE_TAP = ((1, 1), (1, 1), (1, 1), (0, 0, 0, 0))


def concatenate(
    graph: Graph,
    node: Node,
    maps: dict[str, FeatureMap],
    views: dict[str, View],
    cols: int,
    elsewhere: Collection[str] = (),
) -> list[ArrayOp]:
    """The array operations of the node, often none; its maps and its view join ``maps``, ``views``.

    The maps named in ``elsewhere`` are not made by layers of the node's own segment. Inputs begin
    at whole planes. Where the channels of each but the last fill their planes, that is the output,
    and an input's map becomes part of it. Otherwise a last operation moves the channels together.
    """
    return _Concatenation(graph, node, maps, views, cols, elsewhere).run()


class _Concatenation:
    """State of the walk over the node's inputs."""

    def __init__(
        self,
        graph: Graph,
        node: Node,
        maps: dict[str, FeatureMap],
        views: dict[str, View],
        cols: int,
        elsewhere: Collection[str],
    ) -> None:
        self.graph, self.node, self.maps, self.views, self.cols = graph, node, maps, views, cols
        self.elsewhere = elsewhere
        self.ops: list[ArrayOp] = []

    def run(self) -> list[ArrayOp]:
        y = self.graph.tensors[self.node.outputs[0]]
        output = FeatureMap(y.name, *map_shape(y))
        sources = [self.views[name].map for name in self.node.inputs]
        packed = all(self.maps[s].channels % self.cols == 0 for s in sources[:-1])
        target = output if packed else self._staging(sources, output)
        for m in (target, output):
            self._check(m)
            self.maps[m.name] = m
        plane = 0
        for index, source in enumerate(sources):
            self._place(index, source, target, plane)
            plane += self.maps[source].planes(self.cols)
        if not packed:
            self.ops.append(self._gather(sources, target, output))
        self.views[y.name] = View(y.name)
        return self.ops

    def _staging(self, sources: list[str], output: FeatureMap) -> FeatureMap:
        """The map in which every input begins at a plane of its own."""
        planes = sum(self.maps[s].planes(self.cols) for s in sources[:-1])
        channels = planes * self.cols + self.maps[sources[-1]].channels
        name = self._unused(f"{output.name}/planes")
        return dataclasses.replace(output, name=name, channels=channels)

    def _place(self, index: int, source: str, target: FeatureMap, plane: int) -> None:
        """Let the producer of the input write to planes of ``target``, or add a layer that does."""
        found = self.maps[source]
        reason = self._obstacle(index, found)
        if not reason:
            self.maps[source] = dataclasses.replace(found, parent=target.name, plane=plane)
            return
        name = self._unused(f"{target.name}/{index}")
        part = dataclasses.replace(
            target, name=name, channels=found.channels, parent=target.name, plane=plane
        )
        self.maps[name] = part
        tensor, output = self.node.inputs[index], self.node.outputs[0]
        copy = Node(f"{self.node.name}/{index}", "quantize", (tensor,), (output,), {})
        op = operators.quantize(Context(self.graph, copy, found, part, self.cols))
        note = f"copied into planes {plane}:{plane + part.planes(self.cols)}: {reason}"
        self.ops.append(dataclasses.replace(op, kind=self.node.op, notes=(note,)))

    def _obstacle(self, index: int, source: FeatureMap) -> str:
        """Reason to copy an input; empty if it can lie in the output from the start."""
        x = self.graph.tensors[self.node.inputs[index]].quant
        y = self.graph.tensors[self.node.outputs[0]].quant
        assert x is not None and y is not None, "checked before"
        if (x.scale, x.zero_point) != (y.scale, y.zero_point):
            return "its scale or zero point is another"
        if source.view:
            return "it is a slice"
        if source.name in self.graph.inputs:
            return "it is an input of the network"
        if source.name in self.elsewhere:
            return "it is not made in the same segment"
        if source.parent:
            return "it already lies in a concatenation"
        if any(m.parent == source.name and m.pixels != source.pixels for m in self.maps.values()):
            return "a multiplication reads its words in a row"
        return ""

    def _gather(self, sources: list[str], target: FeatureMap, output: FeatureMap) -> ArrayOp:
        """The convolution that moves channels which begin inside a plane into their places."""
        channels, plane = [], 0
        for source in sources:
            channels.append(plane * self.cols + np.arange(self.maps[source].channels))
            plane += self.maps[source].planes(self.cols)
        context = Context(self.graph, self.node, target, output, self.cols)
        reason = f"{self.cols} channels a word, and some inputs do not fill their last one"
        return gather(context, np.concatenate(channels), reason)

    def _check(self, m: FeatureMap) -> None:
        constraints.check(self.node, constraints.Geometry(m, m, *_ONE_TAP, self.cols))

    def _unused(self, name: str) -> str:
        """The name of a map that no tensor has."""
        while name in self.graph.tensors or name in self.maps:
            name += "'"
        return name
