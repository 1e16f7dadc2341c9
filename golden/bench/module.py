"""A quantised graph as a PyTorch module in real numbers.

Weights are dequantised; nothing is rounded. Maps are NCHW in channels-last memory. Saturation is
left out, except ranges that stand for an activation (``NodeView.bounds``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from compiler.errors import UnsupportedError, show
from golden.bench.node_view import NodeView
from golden.bench.operators import BUILDERS, channels_last, channels_second
from golden.declared import tensor_qparams
from golden.quant import as_float32


class NodeModule(nn.Module):
    """One operator and its activation."""

    body: nn.Module

    def __init__(self, site: NodeView) -> None:
        super().__init__()
        self.body = BUILDERS[site.op](site)
        self.low, self.high = site.bounds()

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.body(*inputs)
        if self.low is None and self.high is None:
            return y
        return torch.clamp(y, self.low, self.high)


class Network(nn.Module):
    """The graph's layers in execution order, float64 and on the CPU until moved.

    ``names`` are the nodes', ``reads`` the activations that each layer reads and ``writes`` those
    that it makes. Layers that are ``known`` by name are shared. Raises UnsupportedError for an
    operator without a meaning in real numbers.
    """

    def __init__(
        self, graph: Mapping[str, Any], known: Mapping[str, NodeModule] | None = None
    ) -> None:
        super().__init__()
        known = known or {}
        tensors, nodes = graph["tensors"], graph["nodes"]
        for node in nodes:
            if node["op"] not in BUILDERS:
                raise UnsupportedError(
                    f"node {show(node['name'])}: {node['op']} has no meaning in real numbers; "
                    f"accepted: {', '.join(BUILDERS)}"
                )
        self.inputs, self.outputs = list(graph["inputs"]), list(graph["outputs"])
        self.names = [node["name"] for node in nodes]
        self.layers = nn.ModuleList(
            known.get(node["name"]) or NodeModule(NodeView(graph, node)) for node in nodes
        )
        self.reads = [
            [name for name in node["inputs"] if name and tensors[name]["data"] is None]
            for node in nodes
        ]
        self.writes = [node["outputs"][0] for node in nodes]
        self._drops = self._last_uses()

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The graph's outputs, in its order, from its inputs."""
        values = dict(zip(self.inputs, inputs, strict=True))
        for layer, reads, name, drops in zip(
            self.layers, self.reads, self.writes, self._drops, strict=True
        ):
            values[name] = layer(*[values[read] for read in reads])
            for used in drops:
                del values[used]
        return tuple(values[name] for name in self.outputs)

    def by_name(self) -> dict[str, NodeModule]:
        """The layers by the names of their nodes."""
        return dict(zip(self.names, self.layers, strict=True))

    def _last_uses(self) -> list[list[str]]:
        """The activations that each layer is the last to read."""
        seen, drops = set(self.outputs), []
        for reads in reversed(self.reads):
            drops.append([name for name in dict.fromkeys(reads) if name not in seen])
            seen.update(reads)
        return drops[::-1]


def check_batch(graph: Mapping[str, Any], batch: int) -> None:
    """Raise UnsupportedError for a batch above 1 where an activation has no axis to hold it."""
    for name, tensor in graph["tensors"].items():
        if batch > 1 and tensor["data"] is None and len(tensor["shape"]) == 1:
            raise UnsupportedError(
                f"--batch {batch}: tensor {show(name)} has one dimension; 1 is accepted"
            )


def stored_inputs(graph: Mapping[str, Any], batch: int, seed: int) -> list[np.ndarray]:
    """Random stored integers for every graph input, ``batch`` times the first axis."""
    generator = np.random.default_rng(seed)
    arrays = []
    for name in graph["inputs"]:
        first, *rest = graph["tensors"][name]["shape"]
        dtype = graph["tensors"][name]["dtype"]
        limits = np.iinfo(dtype)
        arrays.append(
            generator.integers(limits.min, limits.max, (first * batch, *rest), dtype, endpoint=True)
        )
    return arrays


def as_torch(stored: np.ndarray, tensor: Mapping[str, Any]) -> torch.Tensor:
    """Real values of stored integers, float64; a map as NCHW in channels-last memory."""
    quant = tensor_qparams(tensor)
    real = (stored.astype(np.float64) - quant.zero_point) * as_float32(quant.scale)
    return channels_second(torch.as_tensor(real))


def as_numpy(value: torch.Tensor) -> np.ndarray:
    """Real values in the graph's layout, float64."""
    return channels_last(value).detach().to("cpu", torch.float64).numpy()
