"""Places of the channels of an array that the user or the host makes: its first readers tell."""

from __future__ import annotations

from itertools import permutations

import onnx

from compiler.frontend.onnx.model_graph import ModelGraph
from compiler.frontend.onnx.views import Shape, View, arranged, channels_last, channels_last_order

#: Operators that keep the shape of an operand and the places of its elements.
_PASSING = frozenset(
    "Add Clip DequantizeLinear Div Dropout Identity Mul QuantizeLinear Relu Sub".split()
)

#: Operators that move axes.
_VIEWS = frozenset("Flatten Reshape Squeeze Transpose Unsqueeze".split())

#: Layers over the last axis, and over a map with channels first.
_ROWS = frozenset("Gemm LayerNormalization MatMul Softmax".split())
_MAPS = frozenset(
    "AveragePool BatchNormalization Conv ConvTranspose GlobalAveragePool MaxPool Resize".split()
)

#: Most axes of which every order is tried.
_MOST_AXES = 5

Path = tuple[onnx.NodeProto, ...]
"""Views of an array, one after another."""


def read_view(graph: ModelGraph, name: str, shape: Shape) -> View:
    """View in memory of the tensor ``name`` that its first layer can read as it lies.

    That is the last axis innermost for a layer of rows, and the channels for one of maps, behind
    any Transpose and Reshape. Without such a layer channels are first in the model.
    """
    own = arranged(shape, tuple(range(len(shape))))
    paths: dict[str, Path] = {name: ()}
    for node in graph.nodes:
        source = next((x for x in node.input if x in paths), None)
        if source is None:
            continue
        found = None
        if node.op_type in _ROWS | _MAPS and source == node.input[0]:
            found = _wanted(graph, shape, paths[source], node.op_type in _ROWS)
        if found is not None:
            return found
        if node.op_type in _VIEWS and source == node.input[0]:
            paths[node.output[0]] = (*paths[source], node)
        elif node.op_type in _PASSING and _keeps_shape(graph, node, source):
            paths[node.output[0]] = paths[source]
    return channels_last(shape) if len(shape) in (3, 4) and shape[0] == 1 else own


def _keeps_shape(graph: ModelGraph, node: onnx.NodeProto, source: str) -> bool:
    x, y = graph.shaped.get(source), graph.shaped.get(node.output[0])
    return x is None or y is None or x.shape == y.shape


def _wanted(graph: ModelGraph, shape: Shape, path: Path, rows: bool) -> View | None:
    """The view whose memory, seen through ``path``, is in the order of a layer."""
    rank = len(shape)
    first = tuple(range(rank)), channels_last_order(rank)
    others = permutations(range(rank)) if rank <= _MOST_AXES else ()
    for order in (*first, *others):
        view = arranged(shape, order)
        seen = _through(graph, view, path)
        if seen is not None and seen.runs == _in_order(seen.shape, rows).runs:
            return view
    return None


def _in_order(shape: Shape, rows: bool) -> View:
    return arranged(shape, tuple(range(len(shape)))) if rows else channels_last(shape)


def _through(graph: ModelGraph, view: View | None, path: Path) -> View | None:
    for node in path:
        found = graph.shaped.get(node.output[0])
        if view is None or found is None:
            return None
        if node.op_type == "Transpose":
            order = next((tuple(a.ints) for a in node.attribute), ())
            view = view.transposed(order or tuple(range(len(view.axes)))[::-1])
        else:
            view = view.reshaped(found.shape)
    return view
