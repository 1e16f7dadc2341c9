"""A float ONNX graph by name: who makes and who reads each tensor, and its constants."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

from compiler.frontend.onnx.model_graph import host_reason
from compiler.frontend.onnx.references import array_of

#: Element types of real numbers; a type that is not known counts as one.
_REAL = (onnx.TensorProto.FLOAT, onnx.TensorProto.UNDEFINED)


@dataclass(frozen=True)
class FloatGraph:
    """``constants`` by name, ``makers`` and ``readers`` of activations, in ``nodes``' order.

    ``hosted`` are the results of nodes that are marked as the host's, ``whole`` those that are no
    real numbers.
    """

    nodes: tuple[onnx.NodeProto, ...]
    constants: dict[str, np.ndarray]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    makers: dict[str, onnx.NodeProto]
    readers: dict[str, list[onnx.NodeProto]]
    hosted: frozenset[str]
    whole: frozenset[str]

    def activations(self, node: onnx.NodeProto) -> list[str]:
        """The inputs of a node that are no constants."""
        return [name for name in node.input if name and name not in self.constants]

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The node that alone reads ``name``; None for several, and for a network's output."""
        readers = self.readers[name]
        return readers[0] if len(readers) == 1 and name not in self.outputs else None


def float_constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The constants of the file, by name."""
    constants = {t.name: array_of(t) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = array_of(node.attribute[0].t)
    return constants


def float_graph(model: onnx.ModelProto) -> FloatGraph:
    """The graph of a folded model."""
    inputs, outputs = (tuple(v.name for v in e) for e in (model.graph.input, model.graph.output))
    return graph_of(
        tuple(model.graph.node), float_constants(model), inputs, outputs, whole_numbers(model)
    )


def whole_numbers(model: onnx.ModelProto) -> frozenset[str]:
    """The tensors that are no real numbers, as far as the model says so."""
    values = (*model.graph.value_info, *model.graph.output)
    return frozenset(v.name for v in values if v.type.tensor_type.elem_type not in _REAL)


def graph_of(
    nodes: tuple[onnx.NodeProto, ...],
    constants: dict[str, np.ndarray],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    whole: frozenset[str],
) -> FloatGraph:
    """The graph of these nodes, with who makes and who reads each tensor."""
    makers: dict[str, onnx.NodeProto] = {}
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in nodes:
        makers.update((name, node) for name in node.output if name not in constants)
        for name in dict.fromkeys(node.input):
            readers[name].append(node)
    hosted = frozenset(name for node in nodes if host_reason(node) for name in node.output)
    return FloatGraph(nodes, constants, inputs, outputs, makers, readers, hosted, whole)


def attribute(node: onnx.NodeProto, name: str, default: object = None) -> Any:
    """An attribute of a node, or ``default``."""
    found = next((a for a in node.attribute if a.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)
