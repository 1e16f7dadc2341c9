"""ONNX's own tools on a model without its large constants, which they would only copy."""

from __future__ import annotations

from collections.abc import Callable

import onnx
from onnx import helper

#: Constants of more elements go aside; shapes, scales and bounds are smaller.
_LARGE = 1 << 12

Tool = Callable[[onnx.ModelProto], onnx.ModelProto]


def with_weights_aside(model: onnx.ModelProto, tool: Tool) -> onnx.ModelProto:
    """``tool(model)``, where the large constants are inputs meanwhile; ``model`` is used up."""
    large = [t for t in model.graph.initializer if _size(t) > _LARGE]
    small = [t for t in model.graph.initializer if _size(t) <= _LARGE]
    del model.graph.initializer[:]
    model.graph.initializer.extend(small)
    own = len(model.graph.input)
    model.graph.input.extend(
        helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in large
    )
    result = tool(model)
    del result.graph.input[own:]
    result.graph.initializer.extend(large)
    return result


def _size(tensor: onnx.TensorProto) -> int:
    size = 1
    for dim in tensor.dims:
        size *= dim
    return size
