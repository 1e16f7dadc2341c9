"""Operators as those that define them: ONNX does not infer the shapes of some normalisations, and
onnxruntime, which calibrates, has no Swish and no Pow of unsigned exponents."""

from __future__ import annotations

import numpy as np
import onnx

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Expand, Old, Rewriter

#: First operator set in which ReduceMean has its axes as an input.
_AXES_AS_INPUT = 18

#: Added to the deviation (ONNX, MeanVarianceNormalization).
_LEAST = np.float32(1e-9)

#: First operator set in which scale and bias are per channel, not per group.
_PER_CHANNEL = 21


def written_out(model: onnx.ModelProto) -> onnx.ModelProto:
    """GroupNormalization, MeanVarianceNormalization and Swish become what defines them, unsigned
    exponents of Pow int64."""
    rewriter = Rewriter(model)
    rewriter.run(lambda node: _way(rewriter, node))
    return model


def _way(rewriter: Rewriter, node: onnx.NodeProto) -> Expand | None:
    ways: dict[str, Expand] = {
        "GroupNormalization": _groups,
        "MeanVarianceNormalization": _mean_variance,
        "Swish": _swish,
    }
    if node.domain not in DOMAINS:
        return None
    if node.op_type == "Pow" and rewriter.is_constant(node.input[1]):
        return _pow if rewriter.array(node.input[1]).dtype.kind == "u" else None
    return ways.get(node.op_type)


def _pow(to: Rewriter, old: Old) -> None:
    exponent = to.constant("exponent", to.array(old.inputs[1]).astype(np.int64))
    to.emit("Pow", [old.inputs[0], exponent], old.output)


def _groups(to: Rewriter, old: Old) -> None:
    groups = int(old.attributes["num_groups"])
    x, (scale, bias) = old.inputs[0], (to.array(name) for name in old.inputs[1:3])
    ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
    rows = to.emit("Reshape", [x, to.constant("groups", np.array([0, groups, -1]))])
    unit = [rows, to.constant("ones", ones), to.constant("zeros", zeros)]
    y = to.emit("InstanceNormalization", unit, **old.keep("epsilon"))
    if to.opset >= _PER_CHANNEL:
        y = to.emit("Reshape", [y, to.constant("channels", np.array([0, scale.size, -1]))])
    y = to.emit("Mul", [y, to.constant("scale", scale.reshape(-1, 1))])
    y = to.emit("Add", [y, to.constant("bias", bias.reshape(-1, 1))])
    to.emit("Reshape", [y, to.emit("Shape", [x])], old.output)


def _swish(to: Rewriter, old: Old) -> None:
    x, alpha = old.inputs[0], old.attributes.get("alpha", 1.0)
    scaled = x if alpha == 1 else to.emit("Mul", [x, to.constant("alpha", np.float32(alpha))])
    to.emit("Mul", [x, to.emit("Sigmoid", [scaled])], old.output)


def _mean_variance(to: Rewriter, old: Old) -> None:
    axes = list(old.attributes.get("axes", (0, 2, 3)))
    x = old.inputs[0]
    centred = to.emit("Sub", [x, _mean(to, x, axes)])
    variance = _mean(to, to.emit("Mul", [centred, centred]), axes)
    deviation = to.emit("Add", [to.emit("Sqrt", [variance]), to.constant("least", _LEAST)])
    to.emit("Div", [centred, deviation], old.output)


def _mean(to: Rewriter, x: str, axes: list[int]) -> str:
    if to.opset >= _AXES_AS_INPUT:
        return to.emit("ReduceMean", [x, to.constant("axes", np.array(axes))])
    return to.emit("ReduceMean", [x], axes=axes)
