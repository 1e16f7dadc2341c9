"""Operators that onnxruntime's optimisations make of several, as these again."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnx

from compiler.errors import UnsupportedError, show
from compiler.frontend.onnx.normalise.opsets import PER_CHANNEL, converted, opset
from compiler.frontend.onnx.normalise.qoperator import MICROSOFT, WINDOW
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter, replace

#: Activations by name: the attributes that their parameters become.
_ACTIVATIONS: dict[str, tuple[str, ...]] = {
    "Clip": (),
    "HardSigmoid": ("alpha", "beta"),
    "LeakyRelu": ("alpha",),
    "Relu": (),
    "Sigmoid": (),
    "Tanh": (),
}


def apart(model: onnx.ModelProto) -> onnx.ModelProto:
    """Operators that onnxruntime's optimisations fuse become those that they were made of."""
    if not any(n.domain == MICROSOFT and n.op_type in FUSED for n in model.graph.node):
        return model
    if opset(model) < PER_CHANNEL:
        model = converted(model, PER_CHANNEL)
    return replace(model, FUSED, MICROSOFT)


def _activated(to: Rewriter, old: Old, x: str, params: Sequence[float]) -> None:
    """The activation that the node names, or none; the result has the node's name."""
    name = old.attributes.get("activation", b"").decode() or "Identity"
    if name == "Clip" and len(params) == 2:
        bounds = [to.constant(f"{old.output}/bound", np.float32(p)) for p in params]
        to.emit("Clip", [x, *bounds], old.output)
        return
    if name != "Identity" and name not in _ACTIVATIONS:
        raise UnsupportedError(f"activation {show(name)}; {', '.join(_ACTIVATIONS)} are accepted")
    to.emit(name, [x], old.output, **dict(zip(_ACTIVATIONS.get(name, ()), params, strict=False)))


def _conv(to: Rewriter, old: Old) -> None:
    """A convolution, a sum with a fourth input, an activation."""
    y = to.emit("Conv", [n for n in old.inputs[:3] if n], **old.keep(*WINDOW))
    if old.given(3):
        y = to.emit("Add", [y, old.inputs[3]])
    _activated(to, old, y, old.attributes.get("activation_params", ()))


def _gemm(to: Rewriter, old: Old) -> None:
    y = to.emit("Gemm", old.inputs, **old.keep("alpha", "beta", "transA", "transB"))
    names = ("activation_alpha", "activation_beta")
    _activated(to, old, y, [old.attributes[n] for n in names if n in old.attributes])


def _matmul(to: Rewriter, old: Old) -> None:
    """A product of factors that are transposed or not, times a number."""
    for name in ("transBatchA", "transBatchB", "transA"):
        if old.attributes.get(name, 0):
            raise UnsupportedError(f"{name} is {old.attributes[name]}; 0 is accepted")
    a, b = old.inputs
    if old.attributes.get("transB", 0):
        order = list(range(to.array(b).ndim))
        order[-2:] = reversed(order[-2:])
        b = to.emit("Transpose", [b], perm=order)
    alpha = old.attributes.get("alpha", 1.0)
    if alpha == 1.0:
        to.emit("MatMul", [a, b], old.output)
    else:
        factor = to.constant(f"{old.output}/alpha", np.float32(alpha))
        to.emit("Mul", [to.emit("MatMul", [a, b]), factor], old.output)


def _gelu(to: Rewriter, old: Old) -> None:
    """``x (1 + erf(x / sqrt(2))) / 2`` of the sum of the inputs."""
    x = _sum(to, old)
    root, one, half = _numbers(to, old, 1 / math.sqrt(2), 1.0, 0.5)
    erf = to.emit("Erf", [to.emit("Mul", [x, root])])
    to.emit("Mul", [to.emit("Mul", [x, to.emit("Add", [erf, one])]), half], old.output)


def _fast_gelu(to: Rewriter, old: Old) -> None:
    """Likewise with ``tanh(x (a + b x x))`` for ``erf``."""
    x = _sum(to, old)
    a = math.sqrt(2 / math.pi)
    a_, b, one, half = _numbers(to, old, a, 0.044715 * a, 1.0, 0.5)
    inner = to.emit("Add", [to.emit("Mul", [to.emit("Mul", [x, x]), b]), a_])
    tanh = to.emit("Tanh", [to.emit("Mul", [x, inner])])
    to.emit("Mul", [to.emit("Mul", [x, to.emit("Add", [tanh, one])]), half], old.output)


def _quick_gelu(to: Rewriter, old: Old) -> None:
    """``x sigmoid(alpha x)``."""
    (alpha,) = _numbers(to, old, old.attributes.get("alpha", 1.702))
    x = old.inputs[0]
    sigmoid = to.emit("Sigmoid", [to.emit("Mul", [x, alpha])])
    to.emit("Mul", [x, sigmoid], old.output)


def _sum(to: Rewriter, old: Old) -> str:
    given = [name for name in old.inputs if name]
    return to.emit("Add", given) if len(given) > 1 else given[0]


def _numbers(to: Rewriter, old: Old, *values: float) -> list[str]:
    return [to.constant(f"{old.output}/number", np.float32(v)) for v in values]


FUSED: dict[str, Expand] = {
    "BiasGelu": _gelu,
    "FastGelu": _fast_gelu,
    "FusedConv": _conv,
    "FusedGemm": _gemm,
    "FusedMatMul": _matmul,
    "Gelu": _gelu,
    "QuickGelu": _quick_gelu,
}
"""Functions that write each of Microsoft's fused operators with ONNX's."""
