"""A node of the dict form (``golden/network.py``) in real numbers: its tensors, ends and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from golden.declared import tensor_qparams
from golden.quant import ACTIVATION_BOUNDS, RANGES, as_float32

Bounds = tuple[float | None, float | None]

#: Operators whose output has quantisation parameters of its own, which may stand for an
#: activation: those that give either sign, and those that do if an input has it.
_SIGNED = ("conv2d", "depthwise_conv2d", "transpose_conv2d", "fully_connected", "layer_norm")
_RESCALING = ("add", "mul", "concatenation", "mean", "quantize")


class NodeView:
    """One node with its tensors at hand, and what they stand for."""

    def __init__(self, graph: Mapping[str, Any], node: Mapping[str, Any]) -> None:
        self.name: str = node["name"]
        self.op: str = node["op"]
        self.attrs: Mapping[str, Any] = node["attrs"]
        self._tensors: Mapping[str, dict[str, Any]] = graph["tensors"]
        self._node = node

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """The input tensors; an absent bias is left out."""
        return [self._tensors[name] for name in self._node["inputs"] if name]

    @property
    def output(self) -> dict[str, Any]:
        """The first output tensor."""
        return self._tensors[self._node["outputs"][0]]

    def weights(self) -> torch.Tensor:
        """The real weights, float64, in the graph's layout."""
        tensor = self.inputs[1]
        scale = torch.as_tensor(tensor["scale"]).float().double()
        if tensor["axis"] is not None:
            scale = scale.reshape(
                [-1 if a == tensor["axis"] else 1 for a in range(len(tensor["shape"]))]
            )
        return torch.tensor(tensor["data"]).double() * scale

    def bias(self) -> torch.Tensor | None:
        """The real bias, float64: stored in steps of input scale times weight scale."""
        if len(self.inputs) < 3:
            return None
        scale = torch.as_tensor(self.inputs[1]["scale"]).float().double()
        steps = torch.tensor(self.inputs[2]["data"]).double()
        return steps * scale * as_float32(tensor_qparams(self.inputs[0]).scale)

    def bounds(self) -> Bounds:
        """Bounds that the network sets for the result: its activation, real values.

        An output whose range begins at 0 although the operator can give less stands for a
        rectifier, in quantised ONNX models above all; its range is then the activation's. Other
        ends of a range are left out: only saturation reaches them.
        """
        low, high = ACTIVATION_BOUNDS[self.attrs.get("activation", "none")]
        first, last = ends(self.output)
        if first == 0 and self._can_be_negative():
            return 0.0, last if high is None else min(high, last)
        return low, high

    def _can_be_negative(self) -> bool:
        if self.op in _RESCALING:
            return any(ends(tensor)[0] < 0 for tensor in self.inputs)
        return self.op in _SIGNED


def ends(tensor: Mapping[str, Any]) -> tuple[float, float]:
    """The smallest and the largest real value that an activation can hold."""
    quant = tensor_qparams(tensor)
    low, high = (as_float32(quant.scale) * (q - quant.zero_point) for q in RANGES[quant.dtype])
    return low, high
