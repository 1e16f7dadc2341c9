"""Operators of a float model that nothing computes, found before onnxruntime sees the model."""

from __future__ import annotations

import onnx
from onnx import numpy_helper

from compiler.errors import UnsupportedError, show
from compiler.frontend.onnx import together
from compiler.frontend.onnx.labels import label
from compiler.frontend.onnx.reader import is_handled, not_handled

#: Operators whose results are known with the shapes of their inputs.
_OF_SHAPES = ("Constant", "Shape", "Size")


def check_operators(model: onnx.ModelProto) -> None:
    """Raise UnsupportedError that names every node of an activation that is not handled.

    A Dropout in training counts: onnxruntime would leave it out.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    refused = []
    for index, node in enumerate(model.graph.node):
        if node.op_type in _OF_SHAPES or constants.issuperset(filter(None, node.input)):
            constants.update(node.output)
            if node.op_type == "Constant":
                arrays.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
            continue
        reason = "" if is_handled(node) else not_handled(node)
        if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]:
            flag = arrays.get(node.input[2])
            if flag is None or numpy_helper.to_array(flag).any():
                reason = "training_mode is true; false is accepted"
        if reason:
            refused.append(
                UnsupportedError(f"node {show(label(node, index))} ({node.op_type}): {reason}")
            )
    if refused:
        raise together(refused)
