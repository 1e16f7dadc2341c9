"""TFLite files written field by field, so that a test can put anything anywhere.

A table is a dict from slot to value: a ``Scalar``, a NumPy array (a vector of scalars), a str, a
dict (a table) or a list of dicts (a vector of tables).
"""

from __future__ import annotations

from typing import NamedTuple

import flatbuffers
import numpy as np
import tflite

from compiler.frontend.tflite.schema import (
    BufferSlot,
    CodeSlot,
    ModelSlot,
    OperatorSlot,
    QuantSlot,
    SubgraphSlot,
    TensorSlot,
)


class Scalar(NamedTuple):
    """A scalar field of a ``struct`` layout."""

    layout: str
    value: int | float | bool


def write(model: dict) -> bytes:
    """The file whose root table is ``model``."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, model), b"TFL3")
    return bytes(builder.Output())


_PREPEND = {
    "b": "Int8",
    "B": "Uint8",
    "?": "Bool",
    "i": "Int32",
    "I": "Uint32",
    "Q": "Uint64",
    "f": "Float32",
}


def _table(b: flatbuffers.Builder, fields: dict) -> int:
    children = {s: _child(b, v) for s, v in fields.items() if not isinstance(v, Scalar)}
    b.StartObject(max(fields, default=-1) + 1)
    for slot, value in fields.items():
        if slot in children:
            b.PrependUOffsetTRelativeSlot(slot, children[slot], 0)
        else:
            getattr(b, "Prepend" + _PREPEND[value.layout])(value.value)
            b.Slot(slot)
    return b.EndObject()


def _child(b: flatbuffers.Builder, value: object) -> int:
    if isinstance(value, str):
        return b.CreateString(value)
    if isinstance(value, np.ndarray):
        return b.CreateNumpyVector(value)
    if isinstance(value, dict):
        return _table(b, value)
    offsets = [_table(b, entry) for entry in value]
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return b.EndVector()


def tensor(name: str, shape: tuple, dtype: int, scale=(), zero_point=(), axis=0, buffer=0) -> dict:
    """A tensor table."""
    fields = {
        TensorSlot.SHAPE: np.array(shape, np.int32),
        TensorSlot.TYPE: Scalar("b", dtype),
        TensorSlot.BUFFER: Scalar("I", buffer),
        TensorSlot.NAME: name,
    }
    if scale:
        fields[TensorSlot.QUANTIZATION] = {
            QuantSlot.SCALE: np.array(scale, np.float32),
            QuantSlot.ZERO_POINT: np.array(zero_point or (0,) * len(scale), np.int64),
            QuantSlot.QUANTIZED_DIMENSION: Scalar("i", axis),
        }
    return fields


def code(builtin: int) -> dict:
    """An operator code table."""
    return {
        CodeSlot.DEPRECATED_BUILTIN_CODE: Scalar("b", min(builtin, 127)),
        CodeSlot.BUILTIN_CODE: Scalar("i", builtin),
    }


def operator(opcode: int, inputs: tuple, outputs: tuple, kind: int, options: dict) -> dict:
    """An operator table."""
    return {
        OperatorSlot.OPCODE_INDEX: Scalar("I", opcode),
        OperatorSlot.INPUTS: np.array(inputs, np.int32),
        OperatorSlot.OUTPUTS: np.array(outputs, np.int32),
        OperatorSlot.OPTIONS_TYPE: Scalar("B", kind),
        OperatorSlot.OPTIONS: options,
    }


def conv_options(stride: int = 1, padding: int = 0, activation: int = 0, dilation: int = 1) -> dict:
    """Conv2DOptions: padding, stride, activation, dilation."""
    return {
        0: Scalar("b", padding),
        1: Scalar("i", stride),
        2: Scalar("i", stride),
        3: Scalar("b", activation),
        4: Scalar("i", dilation),
        5: Scalar("i", dilation),
    }


INT8, INT32 = tflite.TensorType.INT8, tflite.TensorType.INT32
CONV = tflite.BuiltinOptions.Conv2DOptions


def conv_model() -> dict:
    """x [1,6,6,4] -> 3x3 convolution, SAME -> y [1,6,6,8], fields in the open."""
    weights = np.arange(8 * 3 * 3 * 4).astype(np.uint8)
    return {
        ModelSlot.VERSION: Scalar("I", 3),
        ModelSlot.OPERATOR_CODES: [code(tflite.BuiltinOperator.CONV_2D)],
        ModelSlot.SUBGRAPHS: [
            {
                SubgraphSlot.TENSORS: [
                    tensor("x", (1, 6, 6, 4), INT8, (0.5,), (3,)),
                    tensor("w", (8, 3, 3, 4), INT8, (0.25,) * 8, axis=0, buffer=1),
                    tensor("b", (8,), INT32, (0.125,) * 8, axis=0, buffer=2),
                    tensor("y", (1, 6, 6, 8), INT8, (4.0,), (-5,)),
                ],
                SubgraphSlot.INPUTS: np.array([0], np.int32),
                SubgraphSlot.OUTPUTS: np.array([3], np.int32),
                SubgraphSlot.OPERATORS: [operator(0, (0, 1, 2), (3,), CONV, conv_options())],
            }
        ],
        ModelSlot.BUFFERS: [
            {},
            {BufferSlot.DATA: weights},
            {BufferSlot.DATA: np.zeros(32, np.uint8)},
        ],
    }
