"""An ONNX graph by name: the node that makes each tensor, and what inference says of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import onnx

from compiler.frontend.onnx.normalise.opsets import DOMAINS, opset

#: Key of a node's metadata under which this project says why the host computes it.
HOST_REASON = "convsim.host"


@dataclass(frozen=True)
class Shaped:
    """Type and shape of a tensor; a size that is not known is 0."""

    dtype: int
    shape: tuple[int, ...]


class ModelGraph:
    """``makers`` of each tensor, as places in ``nodes``, its ``readers``, and ``shaped``."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.opset = opset(model)
        self.proto = model.graph
        self.nodes = list(model.graph.node)
        self.makers = {name: i for i, n in enumerate(self.nodes) for name in n.output if name}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in dict.fromkeys(node.input):
                self.readers[name].append(node)
        values = (*model.graph.value_info, *model.graph.output)
        self.shaped = {
            v.name: Shaped(v.type.tensor_type.elem_type, shape_of(v))
            for v in values
            if v.type.tensor_type.HasField("shape")
        }


def shape_of(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The shape of a tensor; a size that is not known is 0."""
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def is_onnx(node: onnx.NodeProto) -> bool:
    """Whether the node is one of ONNX's own operators."""
    return node.domain in DOMAINS


def host_reason(node: onnx.NodeProto) -> str:
    """Reason why the host computes the node, if that was found before; else empty."""
    return next((e.value for e in node.metadata_props if e.key == HOST_REASON), "")
