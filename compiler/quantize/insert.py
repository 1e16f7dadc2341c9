"""A float model with QuantizeLinear and DequantizeLinear at its stored tensors and weights."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import onnx
from onnx import helper

from compiler.frontend.onnx.references import tensor_of
from compiler.quantize.calibrate import Parameters
from compiler.quantize.graph import FloatGraph, attribute, float_constants, float_graph
from compiler.quantize.quantisation_points import (
    VIEWS,
    on_host,
    source,
)

#: Layers with weights as second input, and the weights' axis of output channels.
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")

#: Steps of a bias that leave room in 32 bits for the products.
_MAX_BIAS = 2.0**30

#: Weights that are rounded at a time.
_PIECE = 1 << 20

REAL, STORED = "/real", "/stored"


def weight_axis(node: onnx.NodeProto, weights: np.ndarray) -> int:
    """The axis of the node's weights that has a scale each: that of its output channels.

    A transposed convolution of a group for each input channel has one for each group.
    """
    if node.op_type == "Conv":
        return 0
    if node.op_type == "ConvTranspose":
        return 0 if 1 < len(weights) == attribute(node, "group", 1) else 1
    transposed = node.op_type == "Gemm" and attribute(node, "transB", 0)
    return 0 if transposed else 1


def insert(
    model: onnx.ModelProto,
    params: Mapping[str, Parameters],
    graph: FloatGraph | None = None,
    known: Mapping[str, Parameters] = MappingProxyType({}),
    blank: bool = False,
) -> onnx.ModelProto:
    """The model with every tensor of ``params`` rounded to int8, and every layer's weights.

    ``graph`` is the real part of a model that has quantisers, ``known`` the parameters of what
    these store.

    A stored tensor keeps its name; what made it becomes ``NAME/real``. An input or output of the
    network, which is real, becomes ``NAME/stored``. Names that the model has already get an ``_``
    more. Weights of nodes of the host stay real. A ``blank`` model has zeros for weights, which is
    quick.
    """
    return _Inserter(model, graph or float_graph(model), params, known, blank).result()


def real_names(
    model: onnx.ModelProto, params: Mapping[str, Parameters], graph: FloatGraph
) -> dict[str, str]:
    """The model's results by the names that they have in ``insert``'s before they are rounded."""
    inserter = _Inserter(model, graph, params, {}, blank=True)
    return {inserter.real(name): name for n in model.graph.node for name in n.output if name}


class _Inserter:
    def __init__(
        self,
        model: onnx.ModelProto,
        graph: FloatGraph,
        params: Mapping[str, Parameters],
        known: Mapping[str, Parameters],
        blank: bool,
    ) -> None:
        self._model = onnx.ModelProto()
        self._model.CopyFrom(model)
        self._graph = graph
        self._params = params
        self._known = known
        self._blank = blank
        self._outputs = {v.name for v in model.graph.output}
        self._floats = float_constants(model)
        self._constants: list[onnx.TensorProto] = []
        self._nodes: list[onnx.NodeProto] = []
        self._taken = {t.name for t in (*model.graph.input, *model.graph.initializer)}
        self._taken |= {name for node in model.graph.node for name in node.output}

    def result(self) -> onnx.ModelProto:
        for name in (n for n in self._graph.inputs if n in self._params):
            stored = self._free(name + STORED)
            self._round(name, name, self._params[name], stored, self._again(name))
        graph = self._model.graph
        for node in graph.node:
            self._add(node)
        del graph.node[:]
        graph.node.extend(self._nodes)
        graph.initializer.extend(self._constants)
        used = {name for node in graph.node for name in node.input} | self._outputs
        kept = [t for t in graph.initializer if t.name in used]
        del graph.initializer[:]
        graph.initializer.extend(kept)
        del graph.value_info[:]
        return self._model

    def _add(self, node: onnx.NodeProto) -> None:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for i, name in enumerate(node.input):
            copy.input[i] = self._read(name)
        weighted = node.op_type in WEIGHTED and node.input[1] in self._floats
        # The host multiplies by a vector.
        weighted = weighted and self._floats[node.input[1]].ndim > 1
        if weighted and not on_host(self._graph, node):
            copy.input[1] = self._weight(node)
        for i, name in enumerate(node.output):
            copy.output[i] = self.real(name)
        self._nodes.append(copy)
        for name in node.output:
            if not self._is_rounded(name):
                continue
            p, real = self._params[source(self._graph, name)], self.real(name)
            if name in self._outputs:
                self._round(name, real, p, self._free(name + STORED), name)
            else:
                self._round(name, real, p, name, self._again(name))

    def _is_rounded(self, name: str) -> bool:
        """A view is rounded only where it leaves the network, as its source is."""
        maker = self._graph.makers.get(name)
        if maker is not None and maker.op_type in VIEWS and not on_host(self._graph, maker):
            return name in self._outputs and source(self._graph, name) in self._params
        return name in self._params

    def real(self, name: str) -> str:
        """The name of a result before it is rounded."""
        return self._free(name + REAL) if self._is_rounded(name) else name

    def _read(self, name: str) -> str:
        if name in self._params and name in self._graph.inputs:
            return self._again(name)
        if self._is_rounded(name) and name not in self._outputs:
            return self._again(name)
        return name

    def _free(self, name: str) -> str:
        """The name, longer if a tensor of the model has it."""
        while name in self._taken:
            name += "_"
        return name

    def _again(self, name: str) -> str:
        """The tensor made real again."""
        return self._free(f"{name}/dequantized")

    def _round(self, name: str, x: str, p: Parameters, stored: str, real: str) -> None:
        scale = self._constant(self._free(f"{name}/scale"), np.float32(p.scale))
        zero_point = self._constant(self._free(f"{name}/zero_point"), np.int8(p.zero_point))
        self._nodes += [
            helper.make_node("QuantizeLinear", [x, scale, zero_point], [stored]),
            helper.make_node("DequantizeLinear", [stored, scale, zero_point], [real]),
        ]

    def _constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self._constants.append(tensor_of(np.asarray(value), name))
        return name

    def _weight(self, node: onnx.NodeProto) -> str:
        """The weights as int8 with a scale per output channel, made real again."""
        name = self._free(f"{node.output[0]}/weights")
        x = source(self._graph, node.input[0])
        x_scale = (self._params[x] if x in self._params else self._known[x]).scale
        bias = layer_bias(self._graph, node)
        weights = self._graph.constants[node.input[1]]
        axis = weight_axis(node, weights)
        if self._blank:
            steps = np.broadcast_to(np.int8(0), weights.shape)
            scale = np.ones(weights.shape[axis], np.float32)
        else:
            steps, scale = quantize_weights(weights, axis, bias, x_scale)
        names = [
            self._constant(name, steps),
            self._constant(self._free(f"{name}/scale"), scale),
            self._constant(self._free(f"{name}/zero_point"), np.zeros(scale.shape, np.int8)),
        ]
        real = self._again(name)
        self._nodes.append(helper.make_node("DequantizeLinear", names, [real], axis=axis))
        return real


def layer_bias(graph: FloatGraph, node: onnx.NodeProto) -> np.ndarray | None:
    """The bias of a layer, also one added after a MatMul."""
    if len(node.input) > 2 and node.input[2]:
        return graph.constants.get(node.input[2])
    reader = graph.only_reader(node.output[0])
    if node.op_type == "MatMul" and reader is not None and reader.op_type == "Add":
        return next((graph.constants[n] for n in reader.input if n in graph.constants), None)
    return None


def _largest(bias: np.ndarray, scales: int, axis: int) -> np.ndarray:
    """The largest magnitude of a bias among the outputs of each scale.

    A scale is for neighbours along axis 0, and in all groups of a transposed convolution along
    axis 1.
    """
    magnitude: np.ndarray = np.abs(bias).reshape(-1)
    if magnitude.size == 1:
        return magnitude
    shape = (scales, -1) if axis == 0 else (-1, scales)
    found: np.ndarray = magnitude.reshape(shape).max(axis=1 - axis)
    return found


def quantize_weights(
    weights: np.ndarray, axis: int, bias: np.ndarray | None, x_scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """(int8 steps, float32 scales along ``axis``), symmetric.

    A scale is at least what the bias needs to be int32 of input scale * weight scale.
    """
    others = tuple(a for a in range(weights.ndim) if a != axis)
    largest = np.maximum(weights.max(axis=others), -weights.min(axis=others)).astype(np.float64)
    scale = largest / 127
    if bias is not None and (bias.size == 1 or bias.size % scale.size == 0):
        scale = np.maximum(scale, _largest(bias, scale.size, axis) / (x_scale * _MAX_BIAS))
    # What rounds to nothing takes any scale; the product with that of x has to be a float32, too.
    least = np.finfo(np.float32).tiny / min(x_scale, 1.0)
    scale = np.where(scale < least, 1.0, scale).astype(np.float32)
    shape = [-1 if a == axis else 1 for a in range(weights.ndim)]
    divisor = np.broadcast_to(scale.reshape(shape), weights.shape)
    steps = np.empty(weights.shape, np.int8)
    # By pieces: the quotients of all weights would take four times the memory of the steps.
    rows = max(1, _PIECE * len(weights) // weights.size)
    for first in range(0, len(weights), rows):
        part = slice(first, first + rows)
        quotients = weights[part] / divisor[part]
        steps[part] = np.clip(np.rint(quotients, out=quotients), -127, 127, out=quotients)
    return steps, scale
