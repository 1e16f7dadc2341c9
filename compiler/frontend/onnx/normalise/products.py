"""Products of matrices in other words: Gemm with factors, Einsum of a matrix."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter


def plain_products(model: onnx.ModelProto) -> onnx.ModelProto:
    """Gemm of constants in float has its factors in them; Einsum of a map and a constant matrix
    becomes MatMul or Conv."""
    rewriter = Rewriter(model)
    rewriter.run(lambda node: _way(rewriter, node))
    return model


def _way(rewriter: Rewriter, node: onnx.NodeProto) -> Expand | None:
    if node.op_type == "Einsum" and node.domain in DOMAINS:
        return _product(rewriter, Old(node))
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


def _product(rewriter: Rewriter, old: Old) -> Expand | None:
    """An axis of a tensor replaced by a matrix's: ``...c,cd->...d`` of any letters and matrix.

    A constant matrix may have its axes the other way round, be the first of the two, and replace
    axis 1 of three or four, as a convolution of one tap does. Its result's axes may be in another
    order.
    """
    equation = old.attributes["equation"].decode().replace(" ", "").replace("...", ".")
    terms, _, made = equation.partition("->")
    letters = terms.split(",")
    if len(letters) != 2 or not made:
        return None
    if len(letters[1]) == 2 and _is_plain(letters[0], letters[1], made):
        return _plain
    for x, matrix in ((0, 1), (1, 0)):
        constant = rewriter.is_constant(old.inputs[matrix]) and len(letters[matrix]) == 2
        way = _contraction(letters[x], letters[matrix], made) if constant else None
        if way is not None:
            return partial(way, old.inputs[x], old.inputs[matrix])
    return None


def _is_plain(a: str, b: str, made: str) -> bool:
    one_more = len({*a, *b, *made}) == len(a) + 1
    return bool(a) and one_more and b == a[-1] + made[-1] and a[:-1] == made[:-1]


def _plain(to: Rewriter, old: Old) -> None:
    to.emit("MatMul", old.inputs, old.output)


def _contraction(x: str, matrix: str, made: str) -> Callable[..., None] | None:
    """Rewriting of the letters ``x`` to ``made`` by a constant of letters ``matrix``, else None."""
    read = [letter for letter in matrix if letter in x]
    new = [letter for letter in matrix if letter not in x]
    if len(read) != 1 or len(new) != 1 or len(set(x)) != len(x):
        return None
    at, turned = x.index(read[0]), matrix[0] == new[0]
    result = x.replace(read[0], new[0])
    if sorted(result) != sorted(made) or (result != made and "." in made):
        return None
    order = [result.index(letter) for letter in made]
    if at == len(x) - 1:
        return partial(_dense, not turned, order)
    if at == 1 and len(x) in (3, 4) and "." not in x:
        return partial(_one_tap, turned, len(x) - 2, order)
    return None


def _dense(right: bool, order: list[int], x: str, name: str, to: Rewriter, old: Old) -> None:
    if not right:
        name = to.constant(f"{name}/transposed", np.ascontiguousarray(to.array(name).T))
    _in_order(to, old, "MatMul", [x, name], order)


def _one_tap(
    right: bool, axes: int, order: list[int], x: str, name: str, to: Rewriter, old: Old
) -> None:
    matrix = to.array(name) if right else to.array(name).T
    kernel = np.ascontiguousarray(matrix.reshape(*matrix.shape, *[1] * axes))
    _in_order(to, old, "Conv", [x, to.constant(f"{name}/kernel", kernel)], order)


def _in_order(to: Rewriter, old: Old, op: str, inputs: list[str], order: list[int]) -> None:
    """The product with its axes in ``order``."""
    if order == sorted(order):
        to.emit(op, inputs, old.output)
    else:
        to.emit("Transpose", [to.emit(op, inputs)], old.output, perm=order)
