"""Stored integers of 2 and 4 bits as those of 8."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from compiler.errors import UnsupportedError
from compiler.frontend.onnx.folding import fold
from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter
from compiler.frontend.onnx.references import array_of, tensor_of

#: Narrow types: the one of 8 bits that holds them, smallest and largest value.
_WIDER: dict[int, tuple[int, int, int]] = {
    TensorProto.INT4: (TensorProto.INT8, -8, 7),
    TensorProto.UINT4: (TensorProto.UINT8, 0, 15),
    TensorProto.INT2: (TensorProto.INT8, -2, 1),
    TensorProto.UINT2: (TensorProto.UINT8, 0, 3),
}


def eight_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """Integers of 2 and 4 bits become 8 bits wide; a Clip bounds what was rounded to fewer."""
    rewriter = Rewriter(model)
    rewriter.run(lambda node: _way(rewriter, node))
    constants = list(model.graph.initializer)
    constants += [a.t for n in model.graph.node if n.op_type == "Constant" for a in n.attribute]
    for tensor in constants:
        if tensor.data_type in _WIDER:
            kind = onnx.helper.tensor_dtype_to_np_dtype(_WIDER[tensor.data_type][0])
            array = array_of(tensor).astype(kind)
            tensor.CopyFrom(tensor_of(array, tensor.name))
    return model


def _way(rewriter: Rewriter, node: onnx.NodeProto) -> Expand | None:
    if node.op_type != "QuantizeLinear" or node.domain not in DOMAINS:
        return None
    kind = _stored_type(rewriter, node)
    if kind not in _WIDER:
        return None
    return _rounded(kind) if rewriter.is_constant(node.input[0]) else _bounded(kind)


def _stored_type(rewriter: Rewriter, node: onnx.NodeProto) -> int:
    """The type that QuantizeLinear makes: its zero point's, or the one that it names."""
    if len(node.input) > 2 and rewriter.is_constant(node.input[2]):
        return rewriter.kind(node.input[2])
    return next((a.i for a in node.attribute if a.name == "output_dtype"), 0)


def _rounded(kind: int) -> Expand:
    """The stored values of a constant, by ONNX's own implementation."""

    def expand(to: Rewriter, old: Old) -> None:
        given = {name: to.array(name) for name in old.inputs if name}
        ((_, steps),) = fold(old.proto, given, to.opset)
        wider = onnx.helper.tensor_dtype_to_np_dtype(_WIDER[kind][0])
        to.emit("Identity", [to.constant(f"{old.output}/wider", steps.astype(wider))], old.output)

    return expand


def _bounded(kind: int) -> Expand:
    """QuantizeLinear of values that a Clip bounds to what the narrow type holds."""
    wider, low, high = _WIDER[kind]

    def expand(to: Rewriter, old: Old) -> None:
        scale = to.array(old.inputs[1]).astype(np.float32)
        zero_point = to.array(old.inputs[2]).astype(np.float32) if old.given(2) else np.float32(0)
        if scale.size > 1:
            raise UnsupportedError(f"{scale.size} scales for an activation; one is accepted")
        bounds = [
            to.constant(f"{old.output}/{name}", ((bound - zero_point) * scale).reshape(()))
            for name, bound in (("low", low), ("high", high))
        ]
        x = to.emit("Clip", [old.inputs[0], *bounds])
        if "output_dtype" in old.attributes:
            old.attributes["output_dtype"] = wider
        to.emit("QuantizeLinear", [x, *old.inputs[1:]], old.output, **old.attributes)

    return expand
