"""Gemm with factors as one with plain constants."""

from __future__ import annotations

import numpy as np
import onnx

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter


def plain_gemms(model: onnx.ModelProto) -> onnx.ModelProto:
    """Gemm of constants in float has its factors in them."""
    rewriter = Rewriter(model)
    rewriter.run(lambda node: _way(rewriter, node))
    return model


def _way(rewriter: Rewriter, node: onnx.NodeProto) -> Expand | None:
    if node.op_type != "Gemm" or node.domain not in DOMAINS:
        return None
    old = Old(node)
    known = all(
        rewriter.is_constant(name) and rewriter.kind(name) == onnx.TensorProto.FLOAT
        for name in filter(None, old.inputs[1:])
    )
    plain = _factor(old, "alpha") == _factor(old, "beta") == 1
    return None if plain or not known else _expand


def _factor(old: Old, name: str) -> float:
    return float(old.attributes.get(name, 1.0))


def _expand(to: Rewriter, old: Old) -> None:
    x, *constants = old.inputs
    inputs = [x]
    for name, factor in zip(constants, ("alpha", "beta"), strict=False):
        if name and _factor(old, factor) != 1:
            array = to.array(name) * np.float32(_factor(old, factor))
            name = to.constant(f"{name}/{factor}", array.astype(np.float32))
        inputs.append(name)
    to.emit("Gemm", inputs, old.output, **old.keep("transA", "transB"))
