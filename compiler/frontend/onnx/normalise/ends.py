"""Outputs that a network has in its own right."""

from __future__ import annotations

import onnx
from onnx import helper

from compiler.frontend.onnx.normalise.rewriter import Rewriter


def distinct_outputs(model: onnx.ModelProto) -> onnx.ModelProto:
    """An output that is listed again, or is an input, gets a name of its own by an Identity."""
    names, taken = Rewriter(model), {value.name for value in model.graph.input}
    for value in model.graph.output:
        if value.name in taken:
            copy = names.fresh(value.name)
            model.graph.node.append(helper.make_node("Identity", [value.name], [copy], name=copy))
            value.name = copy
        taken.add(value.name)
    return model
