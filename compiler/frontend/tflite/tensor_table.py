"""The table of a TFLite tensor: its shape, type and quantisation."""

from __future__ import annotations

import numpy as np
import tflite

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.schema import QuantSlot, TensorSlot, enum_name
from compiler.ir.graph import Quant


def tensor_shape(table: Table) -> tuple[int, ...]:
    """The shape. Raises UnsupportedError where another axis than the batch is open."""
    shape = tuple(int(d) for d in table.vector(TensorSlot.SHAPE, "i4")[:9])
    signature = table.vector(TensorSlot.SHAPE_SIGNATURE, "i4")[:9]
    dynamic = [axis for axis, d in enumerate(signature) if d < 0 and axis > 0]
    if dynamic or any(d < 0 for d in shape):
        found = signature.tolist() if dynamic else list(shape)
        raise UnsupportedError(
            f"dynamic shape {found}; a fixed shape is accepted (the batch may be open, and is 1)"
        )
    return shape


def type_fault(code: int) -> str:
    """Text: a type that a tensor may not have, and those that it may."""
    name = enum_name(tflite.TensorType, code)
    reason = ": the array's activations have 8 bits" if code == tflite.TensorType.INT16 else ""
    return f"type {name}{reason}; INT8, UINT8 or INT32 is accepted"


def refuse_special(table: Table) -> None:
    """Raise UnsupportedError for a variable and for sparse values."""
    if table.scalar(TensorSlot.IS_VARIABLE, "?", False):
        raise UnsupportedError("a variable; constants and activations are accepted")
    if table.has(TensorSlot.SPARSITY):
        raise UnsupportedError("sparse values; dense ones are accepted")


def tensor_quant(table: Table) -> Quant | None:
    """Scales and zero points, None without any. Raises UnsupportedError for custom quantisation,
    InputError where there are more of one than of the other."""
    params = table.table(TensorSlot.QUANTIZATION)
    if params is None:
        return None
    if params.scalar(QuantSlot.DETAILS_TYPE, "B"):
        raise UnsupportedError("custom quantisation; scale and zero point are accepted")
    scales = params.vector(QuantSlot.SCALE, "f4")
    zero_points = params.vector(QuantSlot.ZERO_POINT, "i8")
    if scales.size == 0:
        return None
    if zero_points.size == 0:
        zero_points = np.zeros(scales.size, np.int64)
    if zero_points.size != scales.size:
        raise InputError(
            f"{scales.size} scales and {zero_points.size} zero points; equal counts are accepted"
        )
    axis = None if scales.size == 1 else int(params.scalar(QuantSlot.QUANTIZED_DIMENSION, "i"))
    return Quant(tuple(map(float, scales)), tuple(map(int, zero_points)), axis)
