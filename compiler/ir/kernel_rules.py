"""Scales that golden's kernels of several operands accept, tried on one value of each."""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError, show
from compiler.ir.graph import Graph, Node, Tensor
from golden.broadcast import elementwise
from golden.matmul import matmul
from golden.quant import QParams
from golden.reduce import reduce

_FINER = (
    "the output is more than 2**31 times finer than what it is computed from; at most 2**31 is "
    "accepted"
)


def check_kernel(graph: Graph, node: Node) -> None:
    """Raise UnsupportedError where the scales of a node's tensors are none of its kernel's."""
    zero = np.zeros((1, 1), np.int8)
    quants = [_qparams(graph.tensors[name]) for name in (*node.inputs, *node.outputs)]
    try:
        with np.errstate(over="ignore"):
            if node.op in ("elementwise", "mul"):
                function = node.attrs.get("function", node.op)
                elementwise(zero, zero, quants[0], quants[1], quants[2], function)
            elif node.op == "matmul":
                matmul(zero, zero, quants[0], quants[1], quants[2])
            elif node.op == "reduce":
                reduce(zero, quants[0], quants[1], node.attrs["function"], (0,))
    except (ValueError, OverflowError) as fault:
        text = _FINER if str(fault).startswith("shift must be") else str(fault)
        raise UnsupportedError(f"node {show(node.name)} ({node.op}): {text}") from None


def _qparams(tensor: Tensor) -> QParams:
    assert tensor.quant is not None, "checked before"
    return QParams(float(tensor.quant.scale[0]), int(tensor.quant.zero_point[0]), tensor.dtype)
