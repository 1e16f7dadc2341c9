"""A float ONNX model as rules change it, with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compiler.frontend.called import Names
from compiler.frontend.onnx.labels import label
from compiler.quantize.explicit_pads import with_explicit_pads
from compiler.quantize.graph import attribute, float_constants
from compiler.rewrite.layer import Layer
from compiler.rewrite.network import CONCATENATION, FUNCTION, LAYER, NORM, OTHER, Network, Step

_FUNCTIONS = (
    "BatchNormalization Clip Elu Gelu HardSigmoid HardSwish Identity LeakyRelu PRelu Relu Sigmoid "
    "Softplus Tanh"
).split()
_KINDS = {
    **dict.fromkeys(_FUNCTIONS, FUNCTION),
    "LayerNormalization": NORM,
    "Concat": CONCATENATION,
}
_LAYERS = ("Conv", "Gemm", "MatMul")


class OnnxNetwork(Network):
    """A model in memory, which is changed; the shapes of its inner tensors are left out."""

    trained = True

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = with_explicit_pads(model)
        del model.graph.value_info[:]
        names = Names()
        for index, node in enumerate(model.graph.node):
            node.name = names.unique(label(node, index))
        self._constants = float_constants(self.model)
        self._layers: dict[str, Layer | None] = {}
        self._steps: list[Step] | None = None

    @property
    def steps(self) -> Sequence[Step]:
        """The nodes in execution order."""
        if self._steps is None:
            self._steps = [self._step(node) for node in self.model.graph.node]
        return self._steps

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs of the model."""
        return tuple(value.name for value in self.model.graph.output)

    def replace(self, name: str, chain: Sequence[Layer], source: str | None = None) -> None:
        """Put layers in the place of a node (see ``Network``)."""
        nodes = list(self.model.graph.node)
        place = next(i for i, node in enumerate(nodes) if node.name == name)
        old, made = nodes[place], []
        x = source or self._step(old).inputs[0]
        for layer in chain:
            y = old.output[0] if layer is chain[-1] else self._unused(layer.name)
            made.append(self._node(layer, old, x, y))
            x = y
        del self._layers[old.output[0]]
        self._set([*nodes[:place], *made, *nodes[place + 1 :]])
        self.prune()

    def bypass(self, tensor: str, source: str) -> None:
        """Let everybody who reads ``tensor`` read ``source``."""
        for node in self.model.graph.node:
            for place, name in enumerate(node.input):
                if name == tensor:
                    node.input[place] = source
        self.prune()

    def prune(self) -> None:
        """Take away nodes and constants that nobody reads."""
        needed, kept = set(self.outputs), []
        for node in reversed(self.model.graph.node):
            if needed & set(node.output):
                needed.update(node.input)
                kept.append(node)
        self._set(kept[::-1])
        constants = [t for t in self.model.graph.initializer if t.name in needed]
        del self.model.graph.initializer[:]
        self.model.graph.initializer.extend(constants)

    def _set(self, nodes: Sequence[onnx.NodeProto]) -> None:
        self._steps = None
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del self.model.graph.node[:]
        self.model.graph.node.extend(copies)

    def _step(self, node: onnx.NodeProto) -> Step:
        inputs = tuple(name for name in node.input if name and name not in self._constants)
        if node.output[0] not in self._layers:
            self._layers[node.output[0]] = self._layer(node) if node.op_type in _LAYERS else None
        layer = self._layers[node.output[0]]
        kind = _KINDS.get(node.op_type, OTHER) if layer is None else LAYER
        return Step(node.name, kind, inputs, tuple(node.output), layer)

    def _layer(self, node: onnx.NodeProto) -> Layer | None:
        """The layer of a node; None for products of activations and kernels of other ranks."""
        values = self._constants.get(node.input[1])
        biases = [self._constants.get(name) for name in node.input[2:] if name]
        if values is None or node.input[0] in self._constants:
            return None
        if any(bias is None or bias.ndim != 1 for bias in biases):
            return None
        values = values.astype(np.float64)
        bias = biases[0].astype(np.float64) if biases and biases[0] is not None else None
        if node.op_type == "Conv":
            return self._conv(node, values, bias)
        if values.ndim != 2 or (node.op_type == "Gemm" and not _is_plain(node)):
            return None
        if not attribute(node, "transB", 0):
            values = values.T
        shape = (*values.shape, 1, 1)
        four = values[:, :, None, None]
        return Layer(node.name, shape, biased=bias is not None, values=four, bias=bias, dense=True)

    def _conv(
        self, node: onnx.NodeProto, values: np.ndarray, bias: np.ndarray | None
    ) -> Layer | None:
        if values.ndim != 4 or attribute(node, "auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
            return None
        top, left, bottom, right = attribute(node, "pads", [0] * 4)
        return Layer(
            node.name,
            values.shape,
            attribute(node, "group", 1),
            tuple(attribute(node, "strides", [1, 1])),
            tuple(attribute(node, "dilations", [1, 1])),
            (top, bottom, left, right),
            bias is not None,
            values,
            bias,
        )

    def _node(self, layer: Layer, old: onnx.NodeProto, x: str, y: str) -> onnx.NodeProto:
        assert layer.values is not None
        values = layer.values.astype(np.float32)
        attrs: dict[str, Any] = {}
        if layer.dense:
            values = values[:, :, 0, 0]
            transposed = bool(attribute(old, "transB", 0))
            values = values if transposed else np.ascontiguousarray(values.T)
            attrs = {"transB": 1} if transposed else {}
        else:
            top, bottom, left, right = layer.padding
            attrs = {
                "kernel_shape": layer.kernel,
                "strides": layer.stride,
                "dilations": layer.dilation,
                "pads": (top, left, bottom, right),
                "group": layer.groups,
            }
        inputs = [x, self._constant(f"{layer.name}.weight", values)]
        if layer.biased:
            assert layer.bias is not None
            inputs.append(self._constant(f"{layer.name}.bias", layer.bias.astype(np.float32)))
        return helper.make_node(old.op_type, inputs, [y], name=layer.name, **attrs)

    def _constant(self, name: str, values: np.ndarray) -> str:
        """Add a constant, under a name of its own."""
        name = self._unused(name)
        self.model.graph.initializer.append(numpy_helper.from_array(values, name))
        self._constants[name] = values
        return name

    def _unused(self, name: str) -> str:
        """The name, with a number after it if a tensor has it."""
        graph, number, plain = self.model.graph, 1, name
        taken = self._constants.keys() | {value.name for value in graph.input}
        taken |= {made for node in graph.node for made in node.output}
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        return name


def _is_plain(node: onnx.NodeProto) -> bool:
    factors = (attribute(node, "alpha", 1.0), attribute(node, "beta", 1.0))
    return factors == (1.0, 1.0) and not attribute(node, "transA", 0)
