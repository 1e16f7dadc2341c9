"""ONNX's own tools on a model without its large constants, which they would only copy."""

from __future__ import annotations

from collections.abc import Callable

import onnx
from onnx import helper

from compiler.frontend.onnx.references import LARGE, size_of

Tool = Callable[[onnx.ModelProto], onnx.ModelProto]


def with_weights_aside(model: onnx.ModelProto, tool: Tool) -> onnx.ModelProto:
    """``tool(model)``, where the large constants are inputs meanwhile.

    ``model`` is used up, and whole again where the tool raises.
    """
    large = [t for t in model.graph.initializer if size_of(t) > LARGE]
    small = [t for t in model.graph.initializer if size_of(t) <= LARGE]
    del model.graph.initializer[:]
    model.graph.initializer.extend(small)
    own = len(model.graph.input)
    model.graph.input.extend(
        helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in large
    )
    result = model
    try:
        result = tool(model)
    finally:
        del result.graph.input[own:]
        result.graph.initializer.extend(large)
    return result
