"""An operator as its converter sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.tflite.options import CheckedOptions
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Node, Tensor


@dataclass(frozen=True)
class Operator(CheckedOptions):
    """A decoded operator: its name, tensor indices (-1: absent) and options by field name.

    Of several outputs, those that nothing reads are absent. ``steps`` collects nodes that come
    before the one that makes the output.
    """

    builtin: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, Any]
    tensors: TensorReader
    steps: list[Node] = field(default_factory=list)

    def input(self, position: int) -> Tensor:
        """The tensor at an input position. Raises InputError when it is absent."""
        if not self.given(position):
            raise InputError(f"input {position} is absent; a tensor is accepted")
        return self.tensors.tensor(self.inputs[position])

    def given(self, position: int) -> bool:
        """Whether there is an input at ``position``."""
        return position < len(self.inputs) and self.inputs[position] != -1

    def map(self, position: int) -> Tensor:
        """Likewise of four axes: a map of batch 1, NHWC, or weights.

        Raises InputError for other axes, UnsupportedError for another batch.
        """
        tensor = self.input(position)
        if self.lead(tensor):
            shape = tensor.shape[1:]
            raise UnsupportedError(
                f"tensor {show(tensor.name)} has shape {list(shape)}, batch {shape[0]}; batch 1 is "
                "accepted"
            )
        if len(tensor.shape) != 4:
            raise InputError(
                f"tensor {show(tensor.name)} has shape {list(tensor.shape)}; 4 dimensions are "
                "accepted"
            )
        return tensor

    def lead(self, tensor: Tensor) -> int:
        """Axes that the graph's tensor has before the model's: 1 where that has no batch of 1."""
        return self.tensors.lead(tensor.name)

    def axis(self, tensor: Tensor, axis: int) -> int:
        """The graph's axis for one of the model's, which may count from the end.

        Raises InputError where the tensor has no such axis.
        """
        lead = self.lead(tensor)
        rank = len(tensor.shape) - lead
        if not -rank <= axis < rank:
            raise InputError(f"axis {axis}; {-rank} to {rank - 1} is accepted")
        return axis % rank + lead

    def integers(self, position: int, role: str) -> np.ndarray:
        """The integers of a constant, int64. Raises UnsupportedError when it is computed."""
        values = self.tensors.index_values(self.inputs[position])
        if values is None:
            raise UnsupportedError(f"computed {role}; a constant is accepted")
        return values

    def output(self) -> Tensor:
        """The only output."""
        return self.tensors.tensor(self.outputs[0])

    def bias(self) -> str:
        """Name of the third input, or "" when it is absent."""
        return self.input(2).name if self.given(2) else ""

    def step(self, op: str, x: Tensor, shape: tuple[int, ...], /, **attrs: object) -> Tensor:
        """The result, as ``x`` in another shape, of a node before the last one."""
        made = self.tensors.invent(f"{self.output_name()}/{op}", x, shape)
        self.steps.append(Node(made.name, op, (x.name,), (made.name,), attrs))
        return made

    def in_shape(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The tensor in a shape, reshaped by a node before the last one if it has another."""
        return x if x.shape == shape else self.step("reshape", x, shape, shape=shape)

    def output_name(self) -> str:
        """The name of the first output that is there."""
        return self.tensors.name(next(index for index in self.outputs if index != -1))

    def node(self, op: str, inputs: tuple[str, ...], **attrs: object) -> Node:
        """The node, named after the tensor that it makes."""
        name = self.output().name
        return Node(name, op, inputs, (name,), attrs)

    def reshaped(self, x: Tensor) -> Node:
        """The output as ``x`` in another shape, or one that follows from the steps so far."""
        return self.node("reshape", (x.name,), shape=self.output().shape)
