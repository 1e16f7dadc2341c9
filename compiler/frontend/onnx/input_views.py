"""Places of the channels of an array that the user or the host makes: its first readers tell."""

from __future__ import annotations

import onnx

from compiler.frontend.onnx.model_graph import ModelGraph
from compiler.frontend.onnx.views import View, arranged, channels_last

_PASSING = frozenset(
    "Add Clip DequantizeLinear Div Dropout Identity Mul QuantizeLinear Relu Sub".split()
)


def read_view(graph: ModelGraph, name: str, shape: tuple[int, ...]) -> View:
    """View in memory of the tensor ``name``, from the first operator that tells its channels.

    A Transpose to channels first is a model with channels last, and a layer over the last axis
    reads rows. All other arrays have their channels first.
    """
    own = arranged(shape, tuple(range(len(shape))))
    passing = _PASSING | ({"Reshape"} if len(shape) == 3 else set())
    reached = {name}
    for node in graph.nodes:
        if not node.input or node.input[0] not in reached:
            continue
        if node.op_type in ("MatMul", "Gemm", "LayerNormalization"):
            return own
        if node.op_type == "Transpose" and _to_channels_first(graph, node, len(shape)):
            return own
        if node.op_type in passing:
            reached.add(node.output[0])
    return channels_last(shape) if len(shape) in (3, 4) and shape[0] == 1 else own


def _to_channels_first(graph: ModelGraph, node: onnx.NodeProto, rank: int) -> bool:
    """Of three axes the order is its own inverse, and a convolution tells that it is this one."""
    order = next((tuple(a.ints) for a in node.attribute), ())
    if rank < 3 or order != (0, rank - 1, *range(1, rank - 1)):
        return False
    readers = {n.op_type for n in graph.readers[node.output[0]] if n.input[0] == node.output[0]}
    return rank > 3 or "Conv" in readers
