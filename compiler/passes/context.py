"""A node with the maps it reads and makes, for the builders of its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import show
from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp, Region, Requant
from compiler.ir.graph import Graph, Node, Quant
from compiler.passes.arithmetic import qparams
from golden.quant import QParams, activation_range


@dataclass(frozen=True)
class Context:
    """A node with the maps it reads and makes, on words of ``cols`` channels."""

    graph: Graph
    node: Node
    source: FeatureMap
    output: FeatureMap
    cols: int

    @property
    def where(self) -> str:
        """The node, as messages name it."""
        return f"node {show(self.node.name)} ({self.node.op})"

    def quant(self, tensor: str) -> Quant:
        """Quantisation of ``tensor``, which has one."""
        found = self.graph.tensors[tensor].quant
        assert found is not None, f"{self.where}: {tensor} is not quantised"
        return found

    def qparams(self, tensor: str) -> QParams:
        """Quantisation of the tensor's int8 values; uint8 ones have lost their top bit by then."""
        found = qparams(self.quant(tensor), self.graph.tensors[tensor].dtype)
        if found.dtype == "uint8":
            return QParams(found.scale, found.zero_point - 128, "int8")
        return found

    def data(self, index: int) -> np.ndarray | None:
        """Values of a constant input, None if it is absent."""
        name = self.node.inputs[index]
        return self.graph.tensors[name].data if name else None

    @property
    def x(self) -> QParams:
        """Quantisation of the node's first input."""
        return self.qparams(self.node.inputs[0])

    @property
    def y(self) -> QParams:
        """Quantisation of the node's first output."""
        return self.qparams(self.node.outputs[0])

    def clamp(self) -> dict[str, int]:
        """Zero point and limits of the output."""
        low, high = activation_range(self.node.attrs.get("activation", "none"), self.y)
        return {"out_zero": self.y.zero_point, "out_min": low, "out_max": high}

    def source_range(self) -> tuple[int, int]:
        """Smallest and largest value of the first input that the layer before it lets through."""
        name = self.node.inputs[0]
        maker = self.graph.producer(name)
        while maker is not None and maker.op in ("reshape", "avg_pool2d", "max_pool2d"):
            if maker.attrs.get("activation", "none") != "none":
                break
            name = maker.inputs[0]
            maker = self.graph.producer(name)
        activation = "none" if maker is None else maker.attrs.get("activation", "none")
        return activation_range(activation, self.qparams(name))

    def whole(self, requant: Requant) -> tuple[Region, ...]:
        """The whole output map as one region."""
        return (Region(0, self.output.height, 0, self.output.width, requant),)

    def op(self, **values: object) -> ArrayOp:
        """A layer of one pixel's window without padding, changed by ``values``."""
        defaults: dict[str, Any] = {
            "name": self.node.name,
            "kind": self.node.op,
            "macs": 0,
            "source": self.source.name,
            "output": self.output.name,
            "kernel": (1, 1),
            "stride": (1, 1),
            "dilation": (1, 1),
            "padding": (0, 0, 0, 0),
            "pad_value": 0,
        }
        return ArrayOp(**{**defaults, **values})
