"""Sums of parallel depthwise layers as one layer: a convolution of their kernels' sum.

Networks that are trained with branches of one kernel (RepGhost, MobileOne) have these. In float it
computes the same. Quantised it rounds results once and not three times, but weights more coarsely.
Sums of regular convolutions stay: there the array hides an addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from compiler.frontend.onnx.references import tensor_of
from compiler.quantize.graph import FloatGraph, attribute, float_graph


@dataclass(frozen=True)
class _Layer:
    """A layer of ``x``: weights ``[out, in of a group, height, width]``, and a bias ``[out]``.

    ``pads`` are top, left, bottom, right. ``node`` is None for a batch normalisation.
    """

    x: str
    weights: np.ndarray
    bias: np.ndarray
    groups: int
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    node: onnx.NodeProto | None


def with_one_kernel(model: onnx.ModelProto) -> onnx.ModelProto:
    """The folded model, whose sums of depthwise layers of one tensor are one layer each."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    while True:
        graph = float_graph(result)
        found = {n.output[0]: both for n in graph.nodes if (both := _found(graph, n)) is not None}
        if not found:
            return result
        _replace(result.graph, found)


def _found(graph: FloatGraph, node: onnx.NodeProto) -> _Layer | None:
    """The layer that computes a sum of two layers; None for any other node."""
    names = list(node.input)
    if node.op_type != "Add" or len(set(names)) < 2 or node.output[0] in graph.hosted:
        return None
    makers = [graph.makers[name] for name in names if name in graph.makers]
    if len(makers) < 2 or any(graph.only_reader(name) is not node for name in names):
        return None
    one, other = (_layer(graph, maker) for maker in makers)
    return _sum(one, other) if one is not None and other is not None else None


def _layer(graph: FloatGraph, node: onnx.NodeProto) -> _Layer | None:
    """A convolution or batch normalisation of constants over pixels."""
    constants: Mapping[str, np.ndarray] = graph.constants
    if node.input[0] in constants or any(n not in constants for n in node.input[1:] if n):
        return None
    if node.op_type == "BatchNormalization" and len(node.output) == 1:
        scale, shift, mean, variance = (constants[n].astype(np.float64) for n in node.input[1:])
        factor = scale / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
        weights = factor.reshape(-1, 1, 1, 1)
        bias = shift - mean * factor
        return _Layer(node.input[0], weights, bias, len(weights), (1, 1), (0,) * 4, None)
    if node.op_type != "Conv" or constants[node.input[1]].ndim != 4:
        return None
    automatic = attribute(node, "auto_pad", b"NOTSET") != b"NOTSET"
    if set(attribute(node, "dilations", [1])) != {1} or automatic:
        return None
    weights = constants[node.input[1]].astype(np.float64)
    bias = np.zeros(len(weights))
    if len(node.input) > 2 and node.input[2]:
        bias = constants[node.input[2]].astype(np.float64)
    return _Layer(
        node.input[0],
        weights,
        bias,
        attribute(node, "group", 1),
        tuple(attribute(node, "strides", [1, 1])),
        tuple(attribute(node, "pads", [0] * 4)),
        node,
    )


def _sum(one: _Layer, other: _Layer) -> _Layer | None:
    """The layer that computes the sum of two; None where no layer does."""
    large, small = sorted((one, other), key=lambda f: (f.node is not None, f.weights[0, 0].size))[
        ::-1
    ]
    if large.node is None or (large.x, large.strides) != (small.x, small.strides):
        return None
    depthwise = large.weights.shape[1] == 1 and small.weights.shape[:2] == large.weights.shape[:2]
    if not depthwise or small.groups != large.groups:
        return None
    margins = [a - b for a, b in zip(large.pads, small.pads, strict=True)]
    top, left, bottom, right = margins
    grown = tuple(small.weights.shape[i + 2] + margins[i] + margins[i + 2] for i in (0, 1))
    if min(margins) < 0 or grown != large.weights.shape[2:]:
        return None
    weights = large.weights + np.pad(small.weights, ((0, 0), (0, 0), (top, bottom), (left, right)))
    bias = large.bias + small.bias
    return _Layer(large.x, weights, bias, large.groups, large.strides, large.pads, large.node)


def _replace(graph: onnx.GraphProto, found: Mapping[str, _Layer]) -> None:
    """Put layers in the place of the sums of these names; what they added is made no more."""
    nodes, gone = list(graph.node), set()
    for index, node in enumerate(nodes):
        if node.output[0] in found:
            gone.update(node.input)
            nodes[index] = _made(graph, node.output[0], found[node.output[0]])
    kept = [node for node in nodes if node.output[0] not in gone]
    del graph.node[:]
    graph.node.extend(kept)


def _made(graph: onnx.GraphProto, output: str, layer: _Layer) -> onnx.NodeProto:
    """The node of a layer; its weights and bias join the graph."""
    assert layer.node is not None
    used = {t.name for t in graph.initializer}
    names = [f"{output}/weights", f"{output}/bias"]
    while used.intersection(names):
        names = [f"{name}'" for name in names]
    made = onnx.NodeProto()
    made.CopyFrom(layer.node)
    del made.input[:], made.output[:]
    made.input.extend([layer.x, *names])
    made.output.append(output)
    graph.initializer.extend(
        tensor_of(values.astype(np.float32), name)
        for values, name in zip((layer.weights, layer.bias), names, strict=True)
    )
    return made
