"""A float operator as its converter sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.tflite.options import CheckedOptions
from compiler.frontend.tflite_float.onnx_builder import TO_FIRST, Twin

Shape = tuple[int, ...]

_BOUNDS = {"relu6": (0.0, 6.0), "relu_n1_to_1": (-1.0, 1.0), "relu_0_to_1": (0.0, 1.0)}


@dataclass(frozen=True)
class Operator(CheckedOptions):
    """A decoded operator: its name, tensor indices (-1: absent) and options by field name.

    The output is number ``place`` of ``count``.
    """

    builtin: str
    inputs: tuple[int, ...]
    output: int
    options: dict[str, Any]
    twin: Twin
    place: int = 0
    count: int = 1

    def shape(self, position: int) -> Shape:
        """The shape of an input, as the model has it."""
        return self.twin.tensors.shape(self._index(position))

    def map_shape(self, position: int) -> Shape:
        """Likewise of four axes: (N, H, W, C), or of weights. Raises InputError for others."""
        shape = self.shape(position)
        if len(shape) != 4 or not all(shape):
            name = self.twin.tensors.name(self.inputs[position])
            raise InputError(
                f"tensor {show(name)} has shape {list(shape)}; 4 dimensions are accepted"
            )
        return shape

    @property
    def name(self) -> str:
        """The model's name of the output."""
        return self.twin.tensors.name(self.output)

    @property
    def output_shape(self) -> Shape:
        """The shape of the output, as the model has it."""
        return self.twin.tensors.shape(self.output)

    def activation(self, position: int = 0) -> str:
        """The ONNX name of an activation."""
        return self.twin.activation(self._index(position))

    def last(self, position: int = 0) -> str:
        """Likewise, the axes in TFLite's order."""
        return self.twin.last(self._index(position))

    def given(self, position: int) -> bool:
        """Whether there is an input at ``position``."""
        return position < len(self.inputs) and self.inputs[position] != -1

    def array(self, position: int) -> np.ndarray | None:
        """The values of a constant in the model's shape, None for an activation."""
        return self.twin.array(self._index(position))

    def constant(self, position: int, role: str) -> np.ndarray:
        """The values of a float constant in the model's shape.

        Raises UnsupportedError when it is computed, InputError when a value is not finite.
        """
        values = self.array(position)
        if values is None:
            raise UnsupportedError(f"computed {role}; a constant is accepted")
        if not np.isfinite(values).all():
            raise InputError(f"{role}: not all values are finite; finite ones are accepted")
        return values

    def integers(self, position: int, role: str) -> np.ndarray:
        """The integers of a constant, int64. Raises UnsupportedError when it is computed."""
        values = self.twin.tensors.index_values(self._index(position))
        if values is None:
            raise UnsupportedError(f"computed {role}; a constant is accepted")
        return values

    def emit(self, op: str, *inputs: str, **attrs: object) -> None:
        """The node that makes the output, and the fused activation after it."""
        fused = self.fused_activation()
        output = self.twin.make(self.output)
        if fused == "none":
            self.twin.node(op, inputs, output, **attrs)
            return
        linear = self.twin.node(op, inputs, f"{output}/linear", **attrs)
        self.clamp(fused, linear, output)

    def clamp(self, kind: str, x: str, output: str) -> None:
        """``relu``, ``relu6`` or ``relu_n1_to_1`` of an ONNX tensor."""
        if kind == "relu":
            self.twin.node("Relu", (x,), output)
            return
        bounds = [self.named(np.float32(bound), "bound") for bound in _BOUNDS[kind]]
        self.twin.node("Clip", (x, *bounds), output)

    def named(self, values: np.ndarray | np.generic, role: str) -> str:
        """A constant named after the output."""
        return self.twin.constant(np.asarray(values), f"{self.name}/{role}")

    def integer_list(self, *values: int) -> str:
        """A constant list of integers, such as a shape."""
        return self.named(np.array(values, np.int64), "list")

    def axis(self, axis: int, rank: int) -> int:
        """An axis of an array of ``rank`` axes where ONNX has it. Raises InputError for no axis."""
        if not -rank <= axis < rank:
            raise InputError(f"axis {axis}; {-rank} to {rank - 1} is accepted")
        return TO_FIRST.index(axis % rank) if rank == 4 else axis % rank

    def _index(self, position: int) -> int:
        if not self.given(position):
            raise InputError(f"input {position} is absent; a tensor is accepted")
        return self.inputs[position]
