"""An operator as its converter sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite.options import CheckedOptions
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Node, Tensor


@dataclass(frozen=True)
class Operator(CheckedOptions):
    """A decoded operator: its name, tensor indices (-1: absent) and options by field name.

    Of several outputs, those that nothing reads are absent.
    """

    builtin: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]
    tensors: TensorReader

    def input(self, position: int) -> Tensor:
        """The tensor at an input position. Raises InputError when it is absent."""
        if self.inputs[position] == -1:
            raise InputError(f"input {position} is absent; a tensor is accepted")
        return self.tensors.tensor(self.inputs[position])

    def map(self, position: int) -> Tensor:
        """Likewise of four axes: a map, or weights."""
        tensor = self.input(position)
        if len(tensor.shape) != 4:
            raise InputError(
                f"tensor {tensor.name!r} has shape {list(tensor.shape)}; 4 dimensions are accepted"
            )
        return tensor

    def integers(self, position: int, role: str) -> np.ndarray:
        """The values of a constant of integers. Raises UnsupportedError when it is computed."""
        values = self.tensors.index_values(self.inputs[position])
        if values is None:
            raise UnsupportedError(f"computed {role}; a constant is accepted")
        return values

    def output(self) -> Tensor:
        """The only output."""
        return self.tensors.tensor(self.outputs[0])

    def bias(self) -> str:
        """Name of the third input, or "" when it is absent."""
        present = len(self.inputs) == 3 and self.inputs[2] != -1
        return self.input(2).name if present else ""

    def node(self, op: str, inputs: tuple[str, ...], **attrs: object) -> Node:
        """The node, named after the tensor that it makes."""
        name = self.output().name
        return Node(name, op, inputs, (name,), attrs)
