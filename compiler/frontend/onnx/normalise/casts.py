"""Casts that say what a value is: float to float, and integers to the real values they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter
from compiler.frontend.onnx.weights_aside import with_weights_aside

_CASTS = ("Cast", "CastLike")

#: Types of stored values.
_STORED: dict[int, str] = {TensorProto.INT8: "int8", TensorProto.UINT8: "uint8"}


def plain_casts(model: onnx.ModelProto) -> onnx.ModelProto:
    """A Cast to the type that is there goes; between int8 or uint8 and float it is a scale of 1."""
    if not any(_is_cast(node) for node in model.graph.node):
        return model
    model = with_weights_aside(model, onnx.shape_inference.infer_shapes)
    kinds = {}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        kinds[value.name] = value.type.tensor_type.elem_type
    rewriter = Rewriter(model)
    kinds |= {t.name: t.data_type for t in model.graph.initializer}
    rewriter.run(lambda node: _way(rewriter, kinds, node) if _is_cast(node) else None)
    del model.graph.value_info[:]
    return model


def _is_cast(node: onnx.NodeProto) -> bool:
    return node.op_type in _CASTS and node.domain in DOMAINS


def _way(rewriter: Rewriter, kinds: Mapping[str, int], node: onnx.NodeProto) -> Expand | None:
    """A node that replaces the Cast of an activation; constants are cast where they are read."""
    given = kinds.get(node.input[0], 0)
    if node.op_type == "CastLike":
        wanted = kinds.get(node.input[1], 0)
    else:
        wanted = next((a.i for a in node.attribute if a.name == "to"), 0)
    if given == wanted != 0:
        return _identity
    if rewriter.is_constant(node.input[0]):
        return _cast(wanted) if node.op_type == "CastLike" and wanted else None
    if given in _STORED and wanted == TensorProto.FLOAT:
        return _dequantize(_STORED[given])
    if given == TensorProto.FLOAT and wanted in _STORED:
        return _quantize(_STORED[wanted])
    return _cast(wanted) if node.op_type == "CastLike" and wanted else None


def _identity(to: Rewriter, old: Old) -> None:
    to.emit("Identity", old.inputs[:1], old.output)


def _cast(wanted: int) -> Expand:
    """The type of another tensor, named."""

    def expand(to: Rewriter, old: Old) -> None:
        to.emit("Cast", old.inputs[:1], old.output, to=wanted)

    return expand


def _dequantize(dtype: str) -> Expand:
    """The integers as real values: steps of 1 from 0 on."""

    def expand(to: Rewriter, old: Old) -> None:
        to.emit("DequantizeLinear", [old.inputs[0], *_steps_of_one(to, old, dtype)], old.output)

    return expand


def _quantize(dtype: str) -> Expand:
    """The real values without their fractions; beyond the type, which C leaves open, its ends."""

    def expand(to: Rewriter, old: Old) -> None:
        x = old.inputs[0]
        if dtype == "uint8":
            zero = to.constant(f"{old.output}/zero", np.float32(0))
            whole = to.emit("Floor", [to.emit("Max", [x, zero])])
        else:
            whole = to.emit("Floor", [to.emit("Abs", [x])])
            whole = to.emit("Mul", [to.emit("Sign", [x]), whole])
        to.emit("QuantizeLinear", [whole, *_steps_of_one(to, old, dtype)], old.output)

    return expand


def _steps_of_one(to: Rewriter, old: Old, dtype: str) -> list[str]:
    scale = to.constant(f"{old.output}/scale", np.float32(1))
    return [scale, to.constant(f"{old.output}/zero_point", np.zeros((), dtype))]
