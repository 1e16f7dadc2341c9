"""Models in float16, bfloat16 or float64 as models in float32."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto

from compiler.errors import InputError, show
from compiler.frontend.onnx.references import array_of, tensor_of

#: Types that become float32.
_OTHERS = frozenset((TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE))

#: Attributes that name a type: of Cast, of QuantizeLinear and DequantizeLinear, of generators.
_TYPES = frozenset(("to", "dtype", "output_dtype", "stash_type"))


def in_float32(model: onnx.ModelProto) -> onnx.ModelProto:
    """Inputs, outputs, constants and Casts of float16, bfloat16 and float64 become float32."""
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.tensor_type
        if kind.elem_type in _OTHERS:
            kind.elem_type = TensorProto.FLOAT
    for tensor in _constants(model.graph):
        if tensor.data_type in _OTHERS:
            tensor.CopyFrom(_in_float32(tensor))
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in _TYPES and attribute.i in _OTHERS:
                attribute.i = TensorProto.FLOAT
    return model


def _in_float32(tensor: onnx.TensorProto) -> onnx.TensorProto:
    array = array_of(tensor).astype(np.float64)
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    if np.isinf(narrow).sum() > np.isinf(array).sum():
        raise InputError(
            f"constant {show(tensor.name)} holds {array[np.isinf(narrow)][0]:g}; numbers of "
            "float32 are accepted"
        )
    return tensor_of(narrow, tensor.name)


def _constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
