"""Arrays as the model declares them, and as the graph holds them: NHWC integers.

Tensors are those of the dict form (``golden/network.py``). ``declared`` of a tensor is None, or has
``dtype``, ``shape`` and ``order``: an array of the model's is of that shape, and
``array.transpose(order)``, reshaped to the tensor's own shape, is the graph's. The type is the
tensor's own, int64 for wider integers, or float32 for real values. Those halfway between two steps
go away from zero, or to the even step where ``rounding`` is "even", as ONNX has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from golden.quant import QParams, dequantize, quantize, round_half_away


def tensor_qparams(tensor: Mapping[str, Any]) -> QParams:
    """The per-tensor quantisation of an activation in the dict form.

    Raises ValueError for a tensor with none, or with one per channel.
    """
    if tensor["scale"] is None or np.size(tensor["scale"]) != 1:
        raise ValueError(f"an activation must have one scale, not {tensor['scale']!r}")
    return QParams(float(tensor["scale"][0]), int(tensor["zero_point"][0]), tensor["dtype"])


def declared_shape(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    """The shape of the model's own arrays."""
    declared = tensor.get("declared")
    return tuple(tensor["shape"] if declared is None else declared["shape"])


def from_declared(array: np.ndarray, tensor: Mapping[str, Any]) -> np.ndarray:
    """The stored integers of an array of ``declared_shape``; real values are quantised.

    Raises ValueError for another shape, another integer type, or a number that is not finite.
    """
    shape = declared_shape(tensor)
    if array.shape != shape:
        raise ValueError(f"shape is {list(array.shape)}; {list(shape)} is accepted")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            value = array[~np.isfinite(array)][0]
            raise ValueError(f"holds {value}; finite numbers are accepted")
        even = (tensor.get("declared") or {}).get("rounding") == "even"
        array = quantize(array, tensor_qparams(tensor), np.rint if even else round_half_away)
    elif array.dtype != tensor["dtype"]:
        raise ValueError(f"type is {array.dtype}; {tensor['dtype']} or a float type is accepted")
    declared = tensor.get("declared")
    if declared is None:
        return array
    return np.ascontiguousarray(array.transpose(declared["order"])).reshape(tensor["shape"])


def in_declared_layout(values: np.ndarray, tensor: Mapping[str, Any]) -> np.ndarray:
    """Stored integers of the tensor's shape in the model's own layout."""
    declared = tensor.get("declared")
    if declared is None:
        return values
    shape, order = declared["shape"], declared["order"]
    moved = values.reshape([shape[axis] for axis in order])
    # NumPy makes a number contiguous as a list of one.
    return np.ascontiguousarray(moved.transpose(np.argsort(order))).reshape(shape)


def to_declared(values: np.ndarray, tensor: Mapping[str, Any]) -> np.ndarray:
    """Stored integers in the model's own layout and type: float32 ones as real values."""
    array = in_declared_layout(values, tensor)
    declared = tensor.get("declared")
    if declared is None or declared["dtype"] != "float32" or tensor["dtype"] == "float32":
        return array if declared is None else array.astype(declared["dtype"], copy=False)
    return dequantize(array, tensor_qparams(tensor))
