"""Channels brought to similar ranges before quantisation, without a change of the network.

A tensor has one scale for all its channels, so that a channel with small values keeps few steps.
The producer of a channel can be multiplied by any positive number if its consumers are divided by
it:
cross-layer equalisation (Nagel et al. 2019, arXiv 1906.04721), here of activations, since weights
have a scale per channel anyway.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnx

from compiler.frontend.onnx.references import tensor_of
from compiler.quantize.calibrate import Statistics
from compiler.quantize.graph import FloatGraph, attribute, float_graph
from compiler.quantize.quantisation_points import clip_bounds

#: Operators that keep channels apart and commute with positive factors.
_PASSING = frozenset(
    "Relu LeakyRelu MaxPool AveragePool GlobalAveragePool GlobalMaxPool Identity".split()
)

#: The upper bound of ReLU6.
_BOUND = 6.0

#: Largest factor of a channel.
_MOST = 256.0

#: Exponent where regular layers read the channels: their weights have one scale for all inputs,
#: and what the activations gain they lose. Measured (docs/quantisation.md).
_SHARED = 0.5

#: Elements of a constant that are changed at a time.
_PIECE = 1 << 16


def equalise(model: onnx.ModelProto, seen: Mapping[str, Statistics]) -> onnx.ModelProto:
    """The model with channels scaled, where layers on both sides take it.

    ``seen`` has the statistics of the stored tensors. A ReLU6 of a channel multiplied by f bounds
    it at 6 / f. The factors are such that this is at or above the largest value that was seen;
    everything else computes the same.
    """
    graph = float_graph(model)
    changes: dict[str, list[_Change]] = defaultdict(list)
    for group in _groups(graph, seen):
        for name, change in group.changes(graph.constants):
            changes[name].append(change)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    for tensor in result.graph.initializer:
        if tensor.name in changes:
            array = _changed(graph.constants[tensor.name], changes[tensor.name])
            tensor.CopyFrom(tensor_of(array, tensor.name))
    return result


class _Change(NamedTuple):
    """Factors of a constant, which broadcast to it, and what is done with them."""

    function: np.ufunc
    factors: np.ndarray


def _changed(array: np.ndarray, changes: Sequence[_Change]) -> np.ndarray:
    """The constant changed in float64, and rounded once."""
    result = np.empty(array.shape, np.float32)
    # By pieces: all of it in float64 would take twice its memory.
    rows = max(1, _PIECE * len(array) // max(1, array.size))
    for first in range(0, len(array), rows):
        piece = slice(first, first + rows)
        values = array[piece]
        for function, factors in changes:
            values = function(values, factors[piece] if len(factors) > 1 else factors)
        result[piece] = values
    return result


class _Group:
    """Tensors with the same channels, the layers that make them and those that read them.

    ``peaks`` are the channels' largest magnitudes, ``bounded`` those after a ReLU6.
    """

    def __init__(self) -> None:
        self.peaks: list[np.ndarray] = []
        self.bounded: list[np.ndarray] = []
        self.makers: list[onnx.NodeProto] = []
        self.readers: list[onnx.NodeProto] = []

    def factors(self, constants: Mapping[str, np.ndarray]) -> np.ndarray:
        """Factor of each channel, at least 1."""
        peak = np.max(self.peaks, axis=0).astype(np.float64)
        ratio = np.divide(peak.max(), peak, out=np.ones_like(peak), where=peak > 0)
        own = all(_is_depthwise(node, constants) for node in self.readers)
        factors: np.ndarray = np.minimum(ratio if own else ratio**_SHARED, _MOST)
        for peak in self.bounded:
            limit = np.divide(_BOUND, peak, out=np.full_like(factors, np.inf), where=peak > 0)
            factors = np.minimum(factors, limit)
        return factors

    def changes(self, constants: Mapping[str, np.ndarray]) -> Iterator[tuple[str, _Change]]:
        """The constants to be changed, by name: makers first."""
        factors = self.factors(constants)
        for node in self.makers:
            axis = 0 if node.op_type == "Conv" or attribute(node, "transB", 0) else 1
            for name in _constants(node):
                shape = [1] * constants[name].ndim
                shape[axis if len(shape) > 1 else 0] = -1
                yield name, _Change(np.multiply, factors.reshape(shape))
        for node in self.readers:
            name = node.input[1]
            yield name, _Change(np.divide, _of_inputs(node, constants[name], factors))


def _is_depthwise(node: onnx.NodeProto, constants: Mapping[str, np.ndarray]) -> bool:
    return node.op_type == "Conv" and constants[node.input[1]].shape[1] == 1


def _of_inputs(node: onnx.NodeProto, weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """The factors of the input channels that each of the layer's weights reads."""
    if node.op_type == "Gemm":
        return factors.reshape((1, -1) if attribute(node, "transB", 0) else (-1, 1))
    groups = attribute(node, "group", 1)
    per_row = factors.reshape(groups, -1).repeat(len(weights) // groups, axis=0)
    return per_row.reshape(weights.shape[:2] + (1,) * (weights.ndim - 2))


def _groups(graph: FloatGraph, seen: Mapping[str, Statistics]) -> list[_Group]:
    """The groups all of whose makers and readers are layers with constants of their own."""
    leaders = {name: name for name in (*graph.inputs, *graph.makers)}

    def find(name: str) -> str:
        while leaders[name] != name:
            name = leaders[name]
        return name

    fixed = {*graph.inputs, *graph.outputs}
    makers: dict[str, list[onnx.NodeProto]] = {}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.nodes:
        inputs = graph.activations(node)
        if not inputs:
            fixed.update(node.output)
        elif _is_layer(graph, node):
            readers.setdefault(inputs[0], []).append(node)
            makers.setdefault(node.output[0], []).append(node)
        elif _passes(graph, node, seen):
            for name in inputs:
                leaders[find(name)] = find(node.output[0])
        else:
            fixed.update((*inputs, *node.output))
    closed = {find(name) for name in fixed if name in leaders}
    groups: dict[str, _Group] = {}
    for name in leaders:
        if find(name) in closed:
            continue
        group = groups.setdefault(find(name), _Group())
        group.makers += makers.get(name, [])
        group.readers += readers.get(name, [])
        if name in seen:
            group.peaks.append(seen[name].peak)
            if name in graph.makers and graph.makers[name].op_type == "Clip":
                group.bounded.append(seen[name].peak)
    return [g for g in groups.values() if g.makers and g.readers and g.peaks]


def _is_layer(graph: FloatGraph, node: onnx.NodeProto) -> bool:
    """A layer whose weights and bias are constants that no other node reads."""
    if node.op_type not in ("Conv", "Gemm"):
        return False
    names = _constants(node)
    own = all(n in graph.constants and len(graph.readers[n]) == 1 for n in names)
    if node.op_type == "Gemm" and own:
        if attribute(node, "transA", 0):
            return False
        return graph.constants[names[-1]].ndim == 1 or len(names) == 1
    return own


def _constants(node: onnx.NodeProto) -> list[str]:
    """The names of a layer's weights and, where it has one, bias."""
    return [name for name in node.input[1:3] if name]


def _passes(graph: FloatGraph, node: onnx.NodeProto, seen: Mapping[str, Statistics]) -> bool:
    """Whether the node maps channels multiplied by positive factors to the same channels."""
    inputs = graph.activations(node)
    if node.op_type == "Clip":
        return clip_bounds(graph, node) == (0.0, _BOUND) and node.output[0] in seen
    if node.op_type == "Add":
        shapes = {seen[name].shape if name in seen else None for name in inputs}
        return len(inputs) == 2 and len(shapes) == 1 and None not in shapes
    if node.op_type == "ReduceMean":
        return inputs[0] in seen and _is_spatial(graph, node, len(seen[inputs[0]].shape))
    return node.op_type in _PASSING


def _is_spatial(graph: FloatGraph, node: onnx.NodeProto, rank: int) -> bool:
    """Whether the node reduces axes after the channels only; operator set 18 has them as input."""
    axes = attribute(node, "axes")
    if len(node.input) > 1:
        axes = graph.constants.get(node.input[1])
    return axes is not None and all(int(axis) % rank > 1 for axis in axes)
