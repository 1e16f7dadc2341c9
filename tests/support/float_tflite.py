"""Small float ``.tflite`` models made in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.support.tflite_builder import build_model


class FloatModel:
    """Operators one after another; each method returns the name of what it makes.

    Operators and attributes are those of ``tflite_builder``; shapes are TFLite's.
    """

    def __init__(self, generator: np.random.Generator, half: bool = False) -> None:
        self.generator = generator
        self.inputs: list[str] = []
        self._half = half
        self._outputs: list[str] = []
        self._tensors: dict[str, dict[str, Any]] = {}
        self._nodes: list[dict[str, Any]] = []

    def input(self, *shape: int) -> str:
        name = f"input_{len(self.inputs)}"
        self.inputs.append(self._tensor(name, shape, None))
        return name

    def constant(self, values: object, dtype: str = "float32") -> str:
        values = np.asarray(values, dtype)
        return self._tensor(f"constant_{len(self._tensors)}", values.shape, values)

    def random(self, *shape: int, deviation: float = 0.5) -> str:
        """A random constant; with ``half`` one of float16 behind DEQUANTIZE."""
        values = deviation * self.generator.standard_normal(shape)
        if not self._half:
            return self.constant(values)
        return self.node("dequantize", [self.constant(values, "float16")], shape)

    def node(self, op: str, inputs: Sequence[str], shape: Sequence[int], /, **attrs: Any) -> str:
        """An operator whose output has ``shape``."""
        name = f"{op}_{len(self._nodes)}"
        self._tensor(name, tuple(shape), None)
        self._nodes.append(
            {
                "name": name,
                "op": op,
                "inputs": list(inputs),
                "outputs": [name],
                "attrs": {"activation": "none", **attrs},
            }
        )
        return name

    def output(self, name: str) -> str:
        self._outputs.append(name)
        return name

    def bytes(self) -> bytes:
        return build_model(
            {
                "tensors": self._tensors,
                "nodes": self._nodes,
                "inputs": self.inputs,
                "outputs": self._outputs,
            }
        )

    def samples(self) -> dict[str, np.ndarray]:
        """Random inputs by name, float32."""
        return {
            name: self.generator.standard_normal(self._tensors[name]["shape"]).astype(np.float32)
            for name in self.inputs
        }

    def _tensor(self, name: str, shape: tuple[int, ...], data: np.ndarray | None) -> str:
        dtype = "float32" if data is None else data.dtype.name
        self._tensors[name] = {
            "shape": shape,
            "dtype": dtype,
            "scale": None,
            "zero_point": None,
            "axis": None,
            "data": data,
        }
        return name
