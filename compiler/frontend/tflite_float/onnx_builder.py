"""The ONNX graph in the making: tensors, constants and nodes.

ONNX computes with the channels first, TFLite with the channels last. A tensor of four axes is here
``[N, C, H, W]`` under the model's name. Network inputs and outputs stay as the model declares them;
a Transpose, which becomes no node of the graph, stands after an input, whose array of channels
first is ``NAME/channels_first``, or makes an output, ``NAME/channels_last``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from compiler.errors import UnsupportedError, show
from compiler.frontend.called import first_of
from compiler.frontend.tflite.tensors import TensorReader

#: Operator set of the model: the first whose ReduceMean and Split are today's.
OPSET = 18

#: Axes of an ONNX array in TFLite's order, and the other way round.
TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
#: Types of inputs that ONNX has under another name.
INPUT_TYPES = {
    "FLOAT32": onnx.TensorProto.FLOAT,
    "UINT8": onnx.TensorProto.UINT8,
    "INT8": onnx.TensorProto.INT8,
}
FIRST, LAST = "/channels_first", "/channels_last"


class Twin:
    """Nodes and constants so far. Tensors go by their index in the subgraph."""

    def __init__(self, tensors: TensorReader, outputs: tuple[int, ...]) -> None:
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self._outputs = outputs
        self._arrays: dict[int, np.ndarray] = {}
        self._names: dict[int, str] = {}
        self._label = ""

    def begin(self, index: int) -> None:
        """Call the nodes from now on after tensor ``index``, which they make."""
        self._label = first_of(self.tensors.name(index))

    def array(self, index: int) -> np.ndarray | None:
        """A float constant, float32, in the model's layout; None for an activation."""
        if index not in self._arrays and index not in self._names:
            values = self.tensors.real_values(index)
            if values is not None:
                self._arrays[index] = values
        return self._arrays.get(index)

    def set_array(self, index: int, values: np.ndarray) -> None:
        """Make tensor ``index`` a constant."""
        self._arrays[index] = values

    def is_made(self, index: int) -> bool:
        """Whether an operator made tensor ``index``, or it is the network's input."""
        return index in self._names or index in self._arrays

    def activations(self) -> tuple[int, ...]:
        """All that are made so far."""
        return tuple(self._names)

    def activation(self, index: int) -> str:
        """The ONNX name of an activation that is made already. Raises UnsupportedError."""
        if index not in self._names:
            kind = "a constant" if self.array(index) is not None else "made by no operator before"
            raise UnsupportedError(
                f"tensor {show(self.tensors.name(index))} is {kind}; an activation is accepted"
            )
        return self._names[index]

    def add_input(self, index: int) -> None:
        """A network input. Raises UnsupportedError for another type than float32 or 8 bits."""
        name, shape = self.tensors.name(index), self.tensors.shape(index)
        kind = self.tensors.kind(index)
        if kind not in INPUT_TYPES:
            raise UnsupportedError(
                f"input {show(name)}: type {kind}; {', '.join(INPUT_TYPES)} are accepted"
            )
        self.inputs.append(helper.make_tensor_value_info(name, INPUT_TYPES[kind], shape))
        self._names[index] = name
        if len(shape) == 4:
            self._names[index] = name + FIRST
            self.begin(index)
            self.node("Transpose", (name,), name + FIRST, perm=TO_FIRST)

    def make(self, index: int) -> str:
        """The ONNX name of an activation that is about to be made."""
        self._names[index] = self.tensors.name(index)
        return self._names[index]

    def note_failed(self, outputs: list[int]) -> None:
        """Name what an operator did not make, so that its readers are no faults of their own."""
        for index in outputs:
            if not self.is_made(index):
                self.make(index)

    def close(self) -> list[onnx.ValueInfoProto]:
        """The network's outputs as the model declares them."""
        values = []
        for index in self._outputs:
            name, shape = self.activation(index), self.tensors.shape(index)
            if len(shape) == 4:
                self.begin(index)
                name = self.node("Transpose", (name,), name + LAST, perm=TO_LAST)
            values.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))
        return values

    def constant(self, values: np.ndarray, name: str) -> str:
        """A constant of the ONNX model; several may ask for one name."""
        name = f"{name}/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, op: str, inputs: tuple[str, ...], output: str, **attrs: Any) -> str:
        """A node, called after the operator's output. Returns what it makes."""
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=self._label, **attrs))
        return output

    def last(self, index: int) -> str:
        """The ONNX name of an activation with its axes in TFLite's order."""
        name = self.activation(index)
        if len(self.tensors.shape(index)) != 4:
            return name
        output = f"{name}{LAST}/{len(self.nodes)}"
        return self.node("Transpose", (name,), output, perm=TO_LAST)
