"""Products of matrices in other words: Gemm with factors, Einsum of a matrix."""

from __future__ import annotations

import numpy as np
import onnx

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter


def plain_products(model: onnx.ModelProto) -> onnx.ModelProto:
    """Gemm of constants in float has its factors in them; Einsum that is a MatMul becomes one."""
    rewriter = Rewriter(model)
    rewriter.run(lambda node: _way(rewriter, node))
    return model


def _way(rewriter: Rewriter, node: onnx.NodeProto) -> Expand | None:
    if node.op_type == "Einsum" and node.domain in DOMAINS:
        return _matmul(rewriter, Old(node))
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


def _matmul(rewriter: Rewriter, old: Old) -> Expand | None:
    """``...c,cd->...d`` of any letters; a constant may also be ``dc``."""
    equation = old.attributes["equation"].decode().replace(" ", "").replace("...", ".")
    terms, _, made = equation.partition("->")
    a, _, b = terms.partition(",")
    if len(b) != 2 or not a or not made or len({*a, *b, *made}) != len(a) + 1:
        return None
    if b == a[-1] + made[-1] and a[:-1] == made[:-1]:
        return _plain
    name = old.inputs[1]
    turned = b == made[-1] + a[-1] and a[:-1] == made[:-1]
    if not turned or not rewriter.is_constant(name):
        return None
    return _turned


def _plain(to: Rewriter, old: Old) -> None:
    to.emit("MatMul", old.inputs, old.output)


def _turned(to: Rewriter, old: Old) -> None:
    x, weights = old.inputs
    columns = to.constant(f"{weights}/transposed", np.ascontiguousarray(to.array(weights).T))
    to.emit("MatMul", [x, columns], old.output)
