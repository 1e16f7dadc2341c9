"""A model while a pass replaces nodes: its names, its constants, and the nodes made so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from compiler.errors import UnsupportedError, located, show
from compiler.frontend.onnx.labels import label
from compiler.frontend.onnx.normalise.opsets import opset
from compiler.frontend.onnx.references import array_of, tensor_of

_QUANTISERS = ("QuantizeLinear", "DequantizeLinear")

#: Replaces a node by what it emits.
Expand = Callable[["Rewriter", "Old"], None]


class Old:
    """A node to be replaced: inputs by position, attributes by name."""

    def __init__(self, proto: onnx.NodeProto) -> None:
        self.proto = proto
        self.inputs = list(proto.input)
        self.output = proto.output[0] if proto.output else ""
        self.attributes = {a.name: helper.get_attribute_value(a) for a in proto.attribute}

    def given(self, position: int) -> bool:
        """Whether the input at ``position`` is there."""
        return position < len(self.inputs) and bool(self.inputs[position])

    def keep(self, *names: str) -> dict[str, Any]:
        """The attributes of these names that the node has."""
        return {n: self.attributes[n] for n in names if n in self.attributes}


class Rewriter:
    """``emit`` adds a node in place of the one at hand, which lends its name and metadata."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.opset = opset(model)
        self._graph = graph
        self._constants: dict[str, onnx.TensorProto] = {t.name: t for t in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
                self._constants[node.output[0]] = node.attribute[0].t
        self._taken = {v.name for v in (*graph.input, *graph.initializer)}
        self._taken |= {name for node in graph.node for name in node.output}
        self._labels: set[str] = set()
        self._nodes: list[onnx.NodeProto] = []
        self._at: onnx.NodeProto | None = None

    def run(self, expand: Callable[[onnx.NodeProto], Expand | None]) -> None:
        """Replace every node for which ``expand`` names a way, in the graph's order."""
        for node in list(self._graph.node):
            way = expand(node)
            if way is None:
                self._nodes.append(node)
                self._labels.add(node.name)
                continue
            self._at = node
            with located(f"node {show(label(node, 0))} ({node.op_type})"):
                way(self, Old(node))
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)

    def fresh(self, wanted: str) -> str:
        """``wanted``, with a number after it if the model has that name."""
        found, number = wanted, 1
        while found in self._taken:
            found, number = f"{wanted}_{number}", number + 1
        self._taken.add(found)
        return found

    def is_constant(self, name: str) -> bool:
        """Whether the tensor has its values in the file."""
        return name in self._constants

    def kind(self, name: str) -> int:
        """The element type of a constant."""
        return int(self._constants[name].data_type)

    def array(self, name: str) -> np.ndarray:
        """The values of a constant. Raises UnsupportedError for another tensor."""
        if name not in self._constants:
            raise UnsupportedError(f"input {show(name)} is computed; a constant is accepted")
        return array_of(self._constants[name])

    def constant(self, wanted: str, array: object) -> str:
        """The name of a new constant."""
        tensor = tensor_of(np.asarray(array), self.fresh(wanted))
        self._graph.initializer.append(tensor)
        self._constants[tensor.name] = tensor
        return tensor.name

    def emit(self, op: str, inputs: Sequence[str], *outputs: str, **attrs: Any) -> str:
        """A node of ONNX's own; returns its first output, a new name unless ``outputs`` has it."""
        assert self._at is not None, "emit is called while a node is replaced"
        at = self._at
        outputs = outputs or (self.fresh(f"{at.output[0]}/{op}"),)
        node = helper.make_node(op, inputs, outputs, name=self._label(op), **attrs)
        node.metadata_props.extend(at.metadata_props)
        self._nodes.append(node)
        return outputs[0]

    def _label(self, op: str) -> str:
        """The name of a new node: the old one's for the operator itself, beside quantisers."""
        assert self._at is not None
        name = self._at.name
        found, number = name, 0
        while name and (found in self._labels or (found == name and op in _QUANTISERS)):
            found, number = f"{name}/{op}_{number}", number + 1
        self._labels.add(found)
        return found


def replace(model: onnx.ModelProto, ways: Mapping[str, Expand], *domains: str) -> onnx.ModelProto:
    """The model with the nodes of ``domains`` replaced that ``ways`` has by operator."""

    def way(node: onnx.NodeProto) -> Expand | None:
        return ways.get(node.op_type) if node.domain in domains else None

    Rewriter(model).run(way)
    return model
