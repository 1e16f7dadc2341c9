"""The graph that front ends build, passes rewrite and the scheduler maps.

Activations are NHWC. Weights: conv2d ``[C_out, K_h, K_w, C_in / groups]``, depthwise_conv2d
``[1, K_h, K_w, C_in * depth_multiplier]``, fully_connected ``[C_out, C_in]`` (the layouts of the
TFLite schema). Padding is always explicit: ``(top, bottom, left, right)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from compiler.errors import one_line

SHOWN_NODES = 40
"""Rows of a graph's table in a notebook; of more nodes the first and last halves are shown."""


@dataclass(frozen=True)
class Quant:
    """Affine quantisation ``real = scale * (q - zero_point)``.

    One scale and zero point per tensor, or with ``axis`` one of each per channel along that axis.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int | None = None


#: Where real values halfway between two steps go.
ROUNDINGS = ("away", "even")


@dataclass(frozen=True)
class Declared:
    """Declaration in the model of an activation that the graph holds as NHWC integers.

    A file of the model's user holds an array of ``shape``; ``array.transpose(order)`` reshaped to
    the tensor's shape is the graph's. ``dtype`` is the type of an input or output of the network:
    the tensor's own, or float32, which stands for real values, or int64
    for an int32 one. ``rounding`` says where those go
    that lie between two steps, to the "even" one or "away" from zero.
    """

    dtype: str
    shape: tuple[int, ...]
    order: tuple[int, ...]
    rounding: str = "away"


@dataclass(frozen=True)
class Tensor:
    """A named tensor of type int8, uint8 or int32; float32, int64 and bool are types of constants,
    and of outputs that the host makes.

    ``data`` is set for constants only. ``declared`` is None where the model's own form of the
    tensor is the graph's.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quant: Quant | None = None
    data: np.ndarray | None = field(default=None, compare=False, repr=False)
    declared: Declared | None = None

    @property
    def is_constant(self) -> bool:
        """Whether the tensor carries its values."""
        return self.data is not None


@dataclass(frozen=True)
class Node:
    """One operator. ``inputs`` and ``outputs`` are tensor names; ``""`` is an absent input."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(repr=False)
class Graph:
    """Nodes in execution order over tensors by name.

    ``random_weights`` says that weights and quantisation parameters are seeded random ones,
    ``random_calibration`` that a float model was quantised with seeded random inputs. ``on_host``
    names nodes that a mapping leaves to the host whatever the array could do.
    """

    name: str
    tensors: dict[str, Tensor]
    nodes: list[Node]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    random_weights: bool = False
    random_calibration: bool = False
    on_host: frozenset[str] = frozenset()

    def producer(self, tensor: str) -> Node | None:
        """The node that makes ``tensor``, or None for graph inputs and constants."""
        return next((n for n in self.nodes if tensor in n.outputs), None)

    def consumers(self, tensor: str) -> list[Node]:
        """The nodes that read ``tensor``, in execution order."""
        return [n for n in self.nodes if tensor in n.inputs]

    def __repr__(self) -> str:
        """Name, number of nodes, inputs and outputs in one line."""
        count = f"{len(self.nodes)} node{'s' * (len(self.nodes) != 1)}"
        ends = (self._described(name) for name in (*self.inputs, *self.outputs))
        weights = [] if any(t.is_constant for t in self.tensors.values()) else ["without weights"]
        return one_line(f"<Graph {self.name}: {', '.join((count, *ends, *weights))}>")

    def _repr_html_(self) -> str:
        """The nodes as a table, for notebooks."""
        head = "<tr><th>node</th><th>operator</th><th>output</th></tr>"
        rows = "".join(f"<tr>{row}</tr>" for row in self._html_rows())
        return f"<table><caption>{escape(repr(self))}</caption>{head}{rows}</table>"

    def _html_rows(self) -> Iterator[str]:
        left_out = len(self.nodes) - SHOWN_NODES
        for number, node in enumerate(self.nodes):
            if left_out > 0 and number == SHOWN_NODES // 2:
                yield f"<td colspan=3>{left_out} more</td>"
            if left_out <= 0 or not 0 <= number - SHOWN_NODES // 2 < left_out:
                made = ", ".join(map(self._described, node.outputs))
                yield "".join(f"<td>{escape(text)}</td>" for text in (node.name, node.op, made))

    def _described(self, name: str) -> str:
        tensor = self.tensors[name]
        return f"{name} {'x'.join(map(str, tensor.shape))} {tensor.dtype}"

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain dicts and arrays, the form that golden executes."""
        return {
            "name": self.name,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "tensors": {t.name: _tensor_dict(t) for t in self.tensors.values()},
            "nodes": [
                {
                    "name": n.name,
                    "op": n.op,
                    "inputs": list(n.inputs),
                    "outputs": list(n.outputs),
                    "attrs": dict(n.attrs),
                }
                for n in self.nodes
            ],
        }


def _tensor_dict(tensor: Tensor) -> dict[str, Any]:
    quant = tensor.quant
    return {
        "shape": tuple(tensor.shape),
        "dtype": tensor.dtype,
        "scale": None if quant is None else np.asarray(quant.scale, np.float64),
        "zero_point": None if quant is None else np.asarray(quant.zero_point, np.int64),
        "axis": None if quant is None else quant.axis,
        "data": tensor.data,
        "declared": None if tensor.declared is None else vars(tensor.declared),
    }
