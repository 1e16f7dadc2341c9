"""Tensors of a float model that are stored as int8, and those that share their parameters."""

from __future__ import annotations

import numpy as np
import onnx

from compiler.frontend.onnx.binary import BINARY
from compiler.frontend.onnx.functions import FUNCTIONS
from compiler.frontend.onnx.hosted_body import ELEMENTWISE
from compiler.quantize.graph import FloatGraph

#: Operators that only move axes: the reader does not even make a node of most of them.
VIEWS = frozenset(
    "DepthToSpace Dropout Flatten Identity Reshape SpaceToDepth Squeeze Transpose Unsqueeze".split()
)

#: Operators whose output has the scale of their input.
SAME = frozenset(
    "AveragePool Expand Gather GlobalMaxPool MaxPool Pad Resize Slice Split Tile".split()
)

#: Operators that the host computes whatever is around them.
HOST_ONLY = ("Softmax", "LayerNormalization")

#: Layers whose results a Relu or Clip bounds before they are stored.
_BOUNDED = frozenset(
    "Conv ConvTranspose Gemm MatMul Add Mul AveragePool MaxPool BatchNormalization".split()
)
_ONE_VALUE = frozenset((*FUNCTIONS, *BINARY, "Relu", "Clip", "PRelu", *ELEMENTWISE))


def stored_points(graph: FloatGraph) -> list[str]:
    """The tensors that are rounded to int8, in the order in which they are made.

    Left real are results that go only through an activation, a bias or a function of one value to
    where they are rounded: what the reader makes one node of.
    """
    points: list[str] = []
    left_out = graph.whole | _between_host_nodes(graph)
    while True:
        # A function reads what is stored before it: storing more leaves fewer in one piece.
        roots = _roots(graph, set(points))
        found = [*graph.inputs] + [
            name
            for node in graph.nodes
            for name in node.output
            if name in graph.makers
            and name not in left_out
            and not _stays_real(graph, node, name, roots)
        ]
        if found == points:
            return points
        points = found


def _between_host_nodes(graph: FloatGraph) -> set[str]:
    """Results of the host that only the host or the network's user reads."""
    found: set[str] = set()
    for node in graph.nodes:
        if on_host(graph, node):
            for name in node.output:
                views, readers = views_and_readers(graph, name)
                if all(on_host(graph, reader) for reader in readers):
                    outside = views.intersection(graph.outputs)
                    found |= set() if outside and name not in graph.hosted else views
    return found


def on_host(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    """Whether the host computes the node."""
    return node.op_type in HOST_ONLY or any(name in graph.hosted for name in node.output)


def views_and_readers(graph: FloatGraph, name: str) -> tuple[set[str], list[onnx.NodeProto]]:
    """The tensor with all views of it, and the nodes that read one of them."""
    views, readers, waiting = {name}, [], [name]
    while waiting:
        for reader in graph.readers[waiting.pop()]:
            if reader.op_type in VIEWS and not on_host(graph, reader):
                views.update(reader.output)
                waiting += reader.output
            else:
                readers.append(reader)
    return views, readers


def source(graph: FloatGraph, name: str) -> str:
    """The tensor of which ``name`` is a view."""
    node = graph.makers.get(name)
    while node is not None and node.op_type in VIEWS and not on_host(graph, node):
        name = node.input[0]
        node = graph.makers.get(name)
    return name


def _stays_real(graph: FloatGraph, node: onnx.NodeProto, name: str, roots: dict[str, str]) -> bool:
    if name in graph.outputs:
        return False
    if node.op_type in VIEWS and not on_host(graph, node):
        return True
    reader = graph.only_reader(name)
    if reader is not None and (bounds(graph, node, reader) or _is_bias(graph, node, reader)):
        return True
    root = roots.get(name, name)
    return root != name and all(
        all(roots.get(out) == root for out in r.output) for r in graph.readers[name]
    )


def bounds(graph: FloatGraph, node: onnx.NodeProto, reader: onnx.NodeProto) -> bool:
    """Whether ``reader`` is the activation function of the layer ``node``, or of a bias on it."""
    if node.op_type not in _BOUNDED or node.output[0] != reader.input[0]:
        return False
    if node.op_type in ("Add", "Mul") and len(graph.activations(node)) < 2:
        maker = graph.makers.get(graph.activations(node)[0])
        if maker is None or not _is_bias(graph, maker, node):
            return False
    return reader.op_type == "Relu" or (
        reader.op_type == "Clip" and len(graph.activations(reader)) == 1
    )


def clip_bounds(graph: FloatGraph, node: onnx.NodeProto) -> tuple[float, float]:
    """The constant bounds of a Clip."""
    bounds = [-np.inf, np.inf]
    for i, name in enumerate(node.input[1:3]):
        if name in graph.constants:
            bounds[i] = float(graph.constants[name].reshape(-1)[0])
    return bounds[0], bounds[1]


def _is_bias(graph: FloatGraph, node: onnx.NodeProto, reader: onnx.NodeProto) -> bool:
    """Whether ``reader`` adds one constant per output to a MatMul with constant weights."""
    if node.op_type != "MatMul" or reader.op_type != "Add" or node.input[1] not in graph.constants:
        return False
    if graph.only_reader(node.output[0]) is not reader:
        return False
    constants = [graph.constants[n] for n in reader.input if n in graph.constants]
    outputs = graph.constants[node.input[1]].shape[-1]
    return len(constants) == 1 and constants[0].size == outputs == constants[0].shape[-1]


def _roots(graph: FloatGraph, stored: set[str]) -> dict[str, str]:
    """Argument of each result of a function of one tensor, element by element.

    It is the nearest one in ``stored``.
    """
    roots: dict[str, str] = {}
    for node in graph.nodes:
        inputs = graph.activations(node)
        if node.op_type not in _ONE_VALUE or not inputs:
            continue
        numbers = all(graph.constants[n].size == 1 for n in node.input if n in graph.constants)
        found = {name if name in stored else roots.get(name, name) for name in inputs}
        twice = len(inputs) > 1 and len(set(inputs)) == 1 and node.op_type in ("Add", "Mul")
        maker = graph.makers.get(inputs[0])
        fused = maker is not None and bounds(graph, maker, node)
        if len(found) == 1 and numbers and not twice and not fused:
            roots[node.output[0]] = found.pop()
    return roots
