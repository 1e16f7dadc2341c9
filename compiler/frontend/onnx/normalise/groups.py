"""GroupNormalization, whose shape ONNX does not infer, as the operators that define it."""

from __future__ import annotations

import numpy as np
import onnx

from compiler.frontend.onnx.normalise.opsets import DOMAINS
from compiler.frontend.onnx.normalise.rewriter import Old, Rewriter, replace

#: First operator set in which scale and bias are per channel, not per group.
_PER_CHANNEL = 21


def group_normalisation(model: onnx.ModelProto) -> onnx.ModelProto:
    """GroupNormalization becomes InstanceNormalization of each group, a product and a sum."""
    return replace(model, {"GroupNormalization": _expand}, *DOMAINS)


def _expand(to: Rewriter, old: Old) -> None:
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
