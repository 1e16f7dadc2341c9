"""Multiply-accumulates of operators that the host computes."""

from __future__ import annotations

import math

import onnx

from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.values import Constant, Hosted, QuantConstant, Refused


def node_macs(imp: Importer, node: onnx.NodeProto) -> int:
    """Multiply-accumulates of one node: of products of matrices and of convolutions, else 0."""
    if node.op_type in ("MatMul", "Gemm"):
        rows = _shape(imp, node.input[0])
        transposed = any(a.name == "transA" and a.i for a in node.attribute)
        return math.prod(_shape(imp, node.output[0])) * (rows[0] if transposed else rows[-1])
    if node.op_type == "Conv":
        return math.prod(_shape(imp, node.output[0])) * math.prod(_shape(imp, node.input[1])[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(_shape(imp, node.input[0])) * math.prod(_shape(imp, node.input[1])[1:])
    if node.op_type == "Einsum" and len(node.input) > 1:
        return _einsum(imp, node)
    return 0


def _einsum(imp: Importer, node: onnx.NodeProto) -> int:
    """The product of all letters' sizes, times the factors less one."""
    equation = onnx.helper.get_attribute_value(node.attribute[0]).decode().replace(" ", "")
    sizes: dict[str, int] = {}
    terms = equation.split("->")[0].split(",")
    for term, name in zip(terms, node.input, strict=True):
        sizes.update(zip(term.replace("...", ""), _shape(imp, name)[::1], strict=False))
    return math.prod(sizes.values()) * (len(terms) - 1)


def _shape(imp: Importer, name: str) -> tuple[int, ...]:
    value = imp.values[name]
    if isinstance(value, Constant):
        return value.array.shape
    if isinstance(value, QuantConstant):
        return value.steps.shape
    assert not isinstance(value, Refused), "the host computes nothing that is refused"
    return value.shape if isinstance(value, Hosted) else value.view.shape
