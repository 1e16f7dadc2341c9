"""Graph to layers: every node becomes a layer, a view of another tensor, or work for the host."""

from __future__ import annotations

import dataclasses
import math

from compiler.errors import show
from compiler.hwir.constraints import LimitError, layer_named
from compiler.hwir.feature_map import FeatureMap, View, Words, map_shape, origin
from compiler.hwir.network import ArrayOp, Network
from compiler.ir.counts import node_macs
from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.verify import verify_pass
from compiler.ir.window_shapes import Padding
from compiler.options import CompilerOptions
from compiler.passes.channel_moves.absorb import absorb
from compiler.passes.channel_moves.nest import nest
from compiler.passes.channel_moves.permute import permute
from compiler.passes.channel_moves.rewrite import Routed, route
from compiler.passes.channel_moves.spread import spread
from compiler.passes.channel_moves.ungroup import ungroup
from compiler.passes.concatenate import concatenate
from compiler.passes.constant_operand import crop, with_constant
from compiler.passes.context import Context
from compiler.passes.exact_scale import InexactError
from compiler.passes.host import FOLLOWERS, FOLLOWS, host_reason
from compiler.passes.lower_node import LoweredNodes, Wanted, lower_node, summed
from compiler.passes.multiply import multiply
from compiler.passes.needed import Needs, Work, needs
from compiler.passes.resize import resize
from compiler.passes.segments import Segments, crossing, made_in
from compiler.passes.transpose_conv import transpose_conv2d

#: Operators that become several layers over maps of their own.
SPREADING = {
    "mul": multiply,
    "resize": resize,
    "elementwise": with_constant,
    "strided_slice": crop,
}


def legalise(
    graph: Graph,
    needed: Needs,
    options: CompilerOptions,
    words: Words,
    known: LoweredNodes | None = None,
    trimmed: Graph | None = None,
) -> Network:
    """The network of layers that computes ``graph`` on a machine of such ``words``.

    ``needed`` is what its outputs need. ``trimmed`` is the graph with fewer channels, to be
    computed instead; ``known`` has layers of other networks, which are not made again. Raises
    UnsupportedError for what neither the hardware nor the host runs.
    """
    cols = words.cols
    start = trimmed or graph
    routed = Routed(start)
    if not options.materialize:
        routed = spread(absorb(route(permute(ungroup(nest(start, cols), cols)), cols), cols), cols)
    if routed.graph.nodes != graph.nodes:
        verify_pass(routed.graph, "quantised", "moving channels")
    work = needed
    if routed.graph is not graph:
        work = needs(routed.graph, routed.added, routed.moves)
        assert work.macs == needed.macs, "moving channels"
    network = _Legaliser(routed, work, options, words, known).run()
    # A name of the model that a pass took again is not the model's tensor.
    own = network.views.keys() - (graph.tensors.keys() - start.tensors.keys())
    views = {name: view for name, view in network.views.items() if name in own}
    return dataclasses.replace(network, graph=graph, views=views)


class _Legaliser:
    """State of the walk over the graph's nodes."""

    def __init__(
        self,
        routed: Routed,
        work: Needs,
        options: CompilerOptions,
        words: Words,
        known: LoweredNodes | None,
    ) -> None:
        self.routed, self.work = routed, work
        self.known = known
        self.graph = graph = routed.graph
        self.options = options
        self.words, self.cols = words, words.cols
        self.segments = Segments(graph)
        self.maps: dict[str, FeatureMap] = {}
        self.views: dict[str, View] = {}
        self.ops: list[ArrayOp] = []
        self.folded: dict[str, tuple[str, Padding]] = {}
        self.consumers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in node.inputs:
                self.consumers.setdefault(name, []).append(node)

    def run(self) -> Network:
        for name in self.graph.inputs:
            tensor = self.graph.tensors[name]
            shape = map_shape(tensor)
            pixels = shape[2] <= self.cols
            flip = pixels and tensor.dtype == "uint8"
            self.maps[name] = FeatureMap(name, *shape, external=pixels, flip=flip)
            self.views[name] = View(name)
        for node in self.graph.nodes:
            self._node(node)
        self.ops.sort(key=lambda op: op.segment)
        self._forget_unread()
        self._mark_stored()
        host, fused = self.segments.sorted_host(), list(self.folded)
        return Network(self.graph, self.ops, self.maps, self.views, host, fused)

    def _node(self, node: Node) -> None:
        reason = host_reason(self.graph, node)
        if node.op in FOLLOWERS and self.segments.on_host(node.inputs[0]):
            reason = reason or FOLLOWS
        elif node.op == "reshape":
            reason = reason or self._reshape_reason(node)
        first = len(self.ops)
        if reason is None:
            self.segments.add_hardware(node)
            try:
                self._hardware(node)
            except InexactError as fault:
                reason = str(fault)
            except LimitError as fault:
                # Only what has no products is a small thing for the host.
                if node_macs(self.graph, node):
                    raise
                reason = str(fault).removeprefix(layer_named(node))
        if reason is not None:
            self._host(node, reason)
        segment = self.segments.of(node.outputs[0])
        for index in range(first, len(self.ops)) if segment else ():
            self.ops[index] = dataclasses.replace(self.ops[index], segment=segment)

    def _hardware(self, node: Node) -> None:
        x, y = self.graph.tensors[node.inputs[0]], self.graph.tensors[node.outputs[0]]
        if node.op == "reshape" or (node.op == "quantize" and self._is_flip(node, x, y)):
            self._view(x, y)
        elif node.op == "pad" and self._pad_folds(node):
            earlier = self.folded.get(x.name, (x.name, (0, 0, 0, 0)))
            total = summed(earlier[1], node.attrs["padding"])
            self.folded[y.name] = (earlier[0], total)
        elif node.op == "slice" and self._slices_planes(node, x):
            self._slice(node, x, y)
        elif node.op == "concatenation":
            self.ops += concatenate(
                self.graph, node, self.maps, self.views, self.cols, self._elsewhere(node)
            )
        elif node.op in SPREADING:
            build = SPREADING[node.op]
            self.ops += build(self.graph, node, self.maps, self.views, self.words)
        elif node.op == "transpose_conv2d":
            self.ops += transpose_conv2d(
                self.graph, node, self.maps, self.views, self.words, self.work.phases[node.name]
            )
        else:
            self._lower(node, y)

    def _elsewhere(self, node: Node) -> set[str]:
        """The maps of the node's inputs that no layer of its segment makes."""
        made, segment = made_in(self.ops, self.maps), self.segments.of(node.outputs[0])
        sources = {self.views[name].map for name in node.inputs}
        return {name for name in sources if made.get(name) != segment}

    def _host(self, node: Node, reason: str) -> None:
        """Leave the node to the host, which writes a map that layers may read."""
        for name in node.inputs:
            self._bring_to_host(name)
        y = self.graph.tensors[node.outputs[0]]
        viewed = y.name in self.views
        self.segments.add_host(node, reason, viewed)
        if not viewed and y.dtype == "int8":
            self.maps[y.name] = FeatureMap(y.name, *map_shape(y), stored=True)
            self.views[y.name] = View(y.name)

    def _bring_to_host(self, name: str) -> None:
        """A view of a network input is nowhere in memory: the host makes it for itself."""
        if name not in self.views or name in self.graph.inputs or self.segments.made_by_host(name):
            return
        if self.maps[self.views[name].map].external:
            node = self.graph.producer(name)
            assert node is not None, name
            self._host(node, "another node of the host reads its result")

    def _forget_unread(self) -> None:
        """Only maps that a layer reads are written by the host."""
        read = {origin(self.maps, name)[0] for op in self.ops for name in op.reads}
        made = {name for h in self.segments.host for name in h.node.outputs}
        self.maps = {n: m for n, m in self.maps.items() if n in read or n not in made}
        self.views = {n: v for n, v in self.views.items() if v.map in self.maps}

    def _reshape_reason(self, node: Node) -> str | None:
        """Reason why the values of a reshape must move; None where its consumers agree with the
        order in memory."""
        x, y = (self.graph.tensors[name] for name in (*node.inputs, *node.outputs))
        source = self.maps[self.views[x.name].map]
        if origin(self.maps, source.name)[0] in self.graph.inputs and y.name in self.graph.outputs:
            return "it gives the network's input out"
        same = map_shape(y) == source.extent or self._merges(source, y)
        for consumer in self.consumers.get(y.name, []):
            if not (same or self._flattens(consumer, y) or host_reason(self.graph, consumer)):
                return (
                    f"it moves values in the words of memory, for node {show(consumer.name)} "
                    f"({consumer.op})"
                )
        return None

    def _merges(self, source: FeatureMap, y: Tensor) -> bool:
        """Whether a tensor's pixels are those of a map in words in other rows."""
        height, width, channels = map_shape(y)
        same = (height * width, channels) == (source.pixels, source.channels)
        return same and not source.external

    def _view(self, x: Tensor, y: Tensor) -> None:
        source = self.maps[self.views[x.name].map]
        if map_shape(y) == source.extent or not self._merges(source, y):
            self.views[y.name] = self.views[x.name]
            return
        self.maps[y.name] = FeatureMap(y.name, *map_shape(y), parent=source.name, view=True)
        self.views[y.name] = View(y.name)

    def _flattens(self, node: Node, x: Tensor) -> bool:
        """Whether the node takes all values of ``x`` in their order."""
        if node.op == "fully_connected":
            return self.graph.tensors[node.inputs[1]].shape[1] == math.prod(x.shape)
        return node.op == "reshape"

    def _is_flip(self, node: Node, x: Tensor, y: Tensor) -> bool:
        """uint8 to int8 of the same scale, where only the top bit changes."""
        if self.options.materialize or x.dtype != "uint8" or y.dtype != "int8":
            return False
        assert x.quant is not None and y.quant is not None
        same = x.quant.scale == y.quant.scale
        output = y.name in self.graph.outputs
        return same and y.quant.zero_point[0] == x.quant.zero_point[0] - 128 and not output

    def _slices_planes(self, node: Node, x: Tensor) -> bool:
        """Whether the channels begin at a plane of a map in words, of which they are then part."""
        source = self.maps[self.views[x.name].map]
        return node.attrs["begin"] % self.cols == 0 and not source.external

    def _slice(self, node: Node, x: Tensor, y: Tensor) -> None:
        source = self.maps[self.views[x.name].map]
        self.maps[y.name] = FeatureMap(
            y.name,
            source.height,
            source.width,
            node.attrs["size"],
            parent=source.name,
            plane=node.attrs["begin"] // self.cols,
            view=True,
        )
        self.views[y.name] = View(y.name)

    def _pad_folds(self, node: Node) -> bool:
        """Whether every reader is a convolution, which pads with the zero point itself."""
        readers = self.consumers.get(node.outputs[0], [])
        convolutions = all(
            host_reason(self.graph, n) is None
            and (n.op in ("conv2d", "depthwise_conv2d") or (n.op == "pad" and self._pad_folds(n)))
            for n in readers
        )
        stays = node.outputs[0] in self.graph.outputs or any(node.attrs["channel_padding"])
        return convolutions and bool(readers) and not stays and not self.options.materialize

    def _lower(self, node: Node, y: Tensor) -> None:
        output = FeatureMap(y.name, *map_shape(y))
        name, pads = self.folded.get(node.inputs[0], (node.inputs[0], (0, 0, 0, 0)))
        source = self.maps[self.views[name].map]
        context = Context(self.graph, node, source, output, self.cols)
        other = self.maps[self.views[node.inputs[1]].map].name if node.op == "add" else ""
        work = self.work.work.get(node.name, Work())
        wanted = Wanted(pads, other, work, node.name in self.routed.moves)
        op = lower_node(context, wanted, self.known)
        self.maps[y.name] = output
        self.views[y.name] = View(y.name)
        self.ops.append(op)

    def _mark_stored(self) -> None:
        """Store in memory the maps that the host, the user or another segment reads, with all their
        parts.

        So do maps of which these read slices.
        """
        read = {name for h in self.segments.host for name in h.node.inputs}
        needed = crossing(self.ops, self.maps)
        for name, view in self.views.items():
            if self.options.materialize or name in read or name in self.graph.outputs:
                needed.add(view.map)
        for name in needed:
            if name not in self.graph.inputs:
                self.maps[name] = dataclasses.replace(self.maps[name], stored=True)
        for found in reversed(list(self.maps.values())):
            of_input = found.parent in self.graph.inputs
            if found.view and self.maps[found.name].stored and not of_input:
                parent = self.maps[found.parent]
                self.maps[parent.name] = dataclasses.replace(parent, stored=True)
        for name, found in self.maps.items():
            within = found
            while within.parent and not within.stored:
                within = self.maps[within.parent]
            if within.stored != found.stored:
                self.maps[name] = dataclasses.replace(found, stored=within.stored)
