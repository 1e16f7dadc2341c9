"""A graph of this project's format as rules change it: its structure, without weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.ops import CONSTANTS, FUNCTIONS, OPS
from compiler.ir.shapes import infer_shape
from compiler.rewrite.layer import Layer
from compiler.rewrite.network import CONCATENATION, FUNCTION, LAYER, NORM, OTHER, Network, Step

_KINDS = {
    **dict.fromkeys(FUNCTIONS, FUNCTION),
    "lookup": OTHER,
    "layer_norm": NORM,
    "concatenation": CONCATENATION,
    "conv2d": LAYER,
    "depthwise_conv2d": LAYER,
    "fully_connected": LAYER,
}


class GraphNetwork(Network):
    """A copy of a graph, to which layers without weights are put; what was random is left out."""

    trained = False

    def __init__(self, graph: Graph) -> None:
        self._tensors = dict(graph.tensors)
        if graph.random_weights:
            self._tensors = {
                name: replace(t, data=None, quant=None) for name, t in graph.tensors.items()
            }
        self._graph, self._nodes = graph, list(graph.nodes)

    @property
    def graph(self) -> Graph:
        """The graph as it is now."""
        return replace(
            self._graph,
            tensors=dict(self._tensors),
            nodes=list(self._nodes),
            random_weights=False,
            random_calibration=False,
        )

    @property
    def steps(self) -> Sequence[Step]:
        """The nodes in execution order."""
        return [self._step(node) for node in self._nodes]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs of the graph."""
        return self._graph.outputs

    def replace(self, name: str, chain: Sequence[Layer], source: str | None = None) -> None:
        """Put layers in the place of a node (see ``Network``)."""
        place = next(i for i, n in enumerate(self._nodes) if n.name == name)
        old, x, made = self._nodes[place], source or self._nodes[place].inputs[0], []
        dense = old.op == "fully_connected"
        for layer in chain:
            last = layer is chain[-1]
            y = old.outputs[0] if last else self._new(layer.name, (), "int8")
            made.append(
                self._node(
                    replace(layer, dense=dense), x, y, old.attrs["activation"] if last else "none"
                )
            )
            x = y
        self._nodes[place : place + 1] = made
        self._settle()

    def bypass(self, tensor: str, source: str) -> None:
        """Let everybody who reads ``tensor`` read ``source``."""
        self._nodes = [
            replace(n, inputs=tuple(source if x == tensor else x for x in n.inputs))
            for n in self._nodes
        ]
        self._settle()

    def prune(self) -> None:
        """Take away nodes that nobody reads, and tensors that nobody names."""
        needed, kept = set(self._graph.outputs), []
        for node in reversed(self._nodes):
            if needed & set(node.outputs):
                needed.update(node.inputs)
                kept.append(node)
        self._nodes = kept[::-1]
        used = {*self._graph.inputs, *needed, *(y for n in self._nodes for y in n.outputs)}
        self._tensors = {name: t for name, t in self._tensors.items() if name in used}

    def _settle(self) -> None:
        """Give every activation the shape that follows from its node."""
        self.prune()
        for node in self._nodes:
            shape = infer_shape(node, self._tensors)
            self._tensors[node.outputs[0]] = replace(self._tensors[node.outputs[0]], shape=shape)

    def _step(self, node: Node) -> Step:
        roles = OPS[node.op].roles(len(node.inputs))
        inputs = tuple(
            name
            for role, name in zip(roles, node.inputs, strict=True)
            if name and role not in CONSTANTS
        )
        kind = _KINDS.get(node.op, OTHER)
        layer = self._layer(node) if kind == LAYER else None
        return Step(node.name, kind, inputs, node.outputs, layer)

    def _layer(self, node: Node) -> Layer:
        """The layer of a node: its constants are [out, in], [1, Kh, Kw, out] or [out, Kh, Kw, in of
        a group]."""
        sizes, biased = self._tensors[node.inputs[1]].shape, bool(node.inputs[2])
        if node.op == "fully_connected":
            return Layer(node.name, (sizes[0], sizes[1], 1, 1), biased=biased, dense=True)
        depthwise = node.op == "depthwise_conv2d"
        groups = sizes[3] // node.attrs["depth_multiplier"] if depthwise else node.attrs["groups"]
        shape = (sizes[3], 1) if depthwise else (sizes[0], sizes[3])
        return Layer(
            node.name,
            (*shape, sizes[1], sizes[2]),
            groups,
            node.attrs["stride"],
            node.attrs["dilation"],
            node.attrs["padding"],
            biased,
        )

    def _node(self, layer: Layer, x: str, y: str, activation: str) -> Node:
        outputs, inputs, height, width = layer.shape
        attrs: dict[str, Any] = {"activation": activation}
        if not layer.dense:
            attrs |= {key: getattr(layer, key) for key in ("stride", "dilation", "padding")}
        shape: tuple[int, ...]
        if layer.dense:
            op, shape = "fully_connected", (outputs, inputs)
        elif layer.depthwise:
            op, shape = "depthwise_conv2d", (1, height, width, outputs)
            attrs["depth_multiplier"] = outputs // layer.groups
        else:
            op, shape = "conv2d", (outputs, height, width, inputs)
            attrs["groups"] = layer.groups
        weights = self._new(f"{layer.name}/weights", shape, "int8")
        bias = self._new(f"{layer.name}/bias", (outputs,), "int32") if layer.biased else ""
        return Node(layer.name, op, (x, weights, bias), (y,), attrs)

    def _new(self, name: str, shape: tuple[int, ...], dtype: str) -> str:
        """Add a tensor, under a name of its own."""
        number, plain = 1, name
        while name in self._tensors:
            name, number = f"{plain}_{number}", number + 1
        self._tensors[name] = Tensor(name, shape, dtype)
        return name
