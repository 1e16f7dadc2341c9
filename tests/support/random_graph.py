"""A graph that grows by random nodes, and what is drawn for them."""

from __future__ import annotations

import random

import numpy as np

from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.ir.ops import ACTIVATIONS
from compiler.ir.shapes import infer_shape
from hw.spec.config import AccelConfig

WORK = 4000
"""Multiply-accumulates of one operator at most, for each MAC unit."""
VALUES = 4000
"""Values of one map at most, for each column of the array."""
LEAST_SCALE, MOST_SCALE = 2.0**-20, 2.0**10
"""Less than 2**31 apart, so that any map can be requantised to the scale of any other."""


class RandomGraph:
    """Tensors and nodes by name; every draw comes from ``rng``, values from ``source``."""

    def __init__(self, rng: random.Random, config: AccelConfig) -> None:
        self.rng = rng
        self.config = config
        self.source = np.random.default_rng(rng.randrange(1 << 32))
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []
        self.most_work = WORK * config.mac_units
        self.most_values = VALUES * config.cols

    def finish(self, name: str, *outputs: str) -> Graph:
        return Graph(name, self.tensors, self.nodes, tuple(self.inputs), outputs)

    def input(self, shape: tuple[int, ...], dtype: str | None = None) -> str:
        name = f"input{len(self.inputs)}"
        dtype = dtype or self.rng.choice(("int8", "int8", "int8", "uint8"))
        self.tensors[name] = Tensor(name, shape, dtype, self.draw_quant(dtype))
        self.inputs.append(name)
        return name

    def node(self, op: str, inputs: tuple[str, ...], quant: Quant, **attrs: object) -> str:
        """Append a node; returns its output, an int8 map."""
        name = f"{op}{len(self.nodes)}"
        node = Node(name, op, inputs, (name,), attrs)
        self.tensors[name] = Tensor(name, infer_shape(node, self.tensors), "int8", quant)
        self.nodes.append(node)
        return name

    def constant(self, data: np.ndarray, quant: Quant | None) -> str:
        name = f"constant{len(self.tensors)}"
        self.tensors[name] = Tensor(name, data.shape, str(data.dtype), quant, data)
        return name

    # What there is.

    def shape(self, x: str) -> tuple[int, ...]:
        return self.tensors[x].shape

    def quant(self, x: str) -> Quant:
        quant = self.tensors[x].quant
        assert quant is not None
        return quant

    def scale(self, x: str) -> float:
        return self.quant(x).scale[0]

    def maps(self, *sizes: int) -> list[str]:
        """Inputs and results of int8 whose shapes begin with ``sizes``."""
        names = [*self.inputs, *(node.outputs[0] for node in self.nodes)]
        return [
            name
            for name in names
            if self.shape(name)[: len(sizes)] == sizes and self.tensors[name].dtype == "int8"
        ]

    # What is drawn.

    def draw_quant(self, dtype: str = "int8", scale: float | None = None) -> Quant:
        """A random scale or the one given, and a zero point at an end, in the middle or between."""
        low = -128 if dtype == "int8" else 0
        some = low + self.rng.randrange(256)
        zero_point = self.rng.choice((low, low, low + 128, low + 128, some, some, low + 255))
        scale = min(max(scale or 2 ** self.rng.uniform(-8, -2), LEAST_SCALE), MOST_SCALE)
        return Quant((float32(scale),), (zero_point,))

    def draw_activation(self) -> str:
        return self.rng.choice((*["none"] * 6, *ACTIVATIONS))

    def draw_channels(self, work: int) -> int:
        """Output channels, each of about ``work`` multiply-accumulates with a small window."""
        rng, cols = self.rng, self.config.cols
        channels = rng.choice((1, cols, rng.randint(1, 2 * cols), rng.randint(1, 9 * cols)))
        return max(1, min(channels, 2 * self.most_work // work))


def float32(value: float) -> float:
    """``value`` rounded to float32, as a model file holds it."""
    return float(np.float32(value))
