"""Arithmetic on constants of integers: shapes, limits and axes left to the run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.model_file import read_options
from compiler.frontend.tflite.schema import OperatorSlot
from compiler.frontend.tflite.tensors import TensorReader

#: Most values of a tensor that is computed while a model is read.
MAX_VALUES = 1 << 16

_Options = Mapping[str, Any]
_Arrays = list[np.ndarray]


def fold(table: Table, builtin: str, tensors: TensorReader) -> bool:
    """Whether the operator computes small integers from constants; its output is then one."""
    outputs = list(map(int, table.vector(OperatorSlot.OUTPUTS, "i4")))
    if builtin not in _RULES or len(outputs) != 1 or not tensors.is_index(outputs[0]):
        return False
    inputs = list(map(int, table.vector(OperatorSlot.INPUTS, "i4")))
    if builtin == "SHAPE" and len(inputs) == 1:
        tensors.fold(outputs[0], np.array(tensors.shape(inputs[0]), np.int64))
        return True
    arrays = [tensors.index_values(i) if i >= 0 and tensors.is_index(i) else None for i in inputs]
    known = [array for array in arrays if array is not None]
    if len(known) != len(arrays) or sum(array.size for array in known) > MAX_VALUES:
        return False
    try:
        result = _RULES[builtin](known, read_options(table, builtin))
    except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError):
        return False
    if result.size > MAX_VALUES:
        return False
    tensors.fold(outputs[0], np.asarray(result, np.int64))
    return True


def _strided_slice(arrays: _Arrays, options: _Options) -> np.ndarray:
    """Of one axis, which may be dropped."""
    values, begin, end, stride = arrays
    if values.ndim != 1 or options["ellipsis_mask"] or options["new_axis_mask"]:
        raise ValueError
    if options["shrink_axis_mask"]:
        return np.asarray(values[int(begin[0])])
    limits = (
        None if options["begin_mask"] else int(begin[0]),
        None if options["end_mask"] else int(end[0]),
        int(stride[0]),
    )
    return values[slice(*limits)]


def _slice(arrays: _Arrays, _: _Options) -> np.ndarray:
    values, begin, size = arrays
    (first,), (count,) = begin, size
    return values[int(first) : None if count == -1 else int(first + count)]


def _reduced(function: Callable[..., Any]) -> Callable[[_Arrays, _Options], np.ndarray]:
    def rule(arrays: _Arrays, options: _Options) -> np.ndarray:
        axes = tuple(map(int, arrays[1].reshape(-1)))
        return np.asarray(function(arrays[0], axis=axes, keepdims=options["keep_dims"]))

    return rule


def _binary(function: Callable[..., Any]) -> Callable[[_Arrays, _Options], np.ndarray]:
    def rule(arrays: _Arrays, _: _Options) -> np.ndarray:
        a, b = arrays
        return np.asarray(function(a, b))

    return rule


def _range(arrays: _Arrays, _: _Options) -> np.ndarray:
    first, end, step = (int(array.reshape(())) for array in arrays)
    if len(range(first, end, step)) > MAX_VALUES:
        raise ValueError
    return np.arange(first, end, step)


def _fill(arrays: _Arrays, _: _Options) -> np.ndarray:
    shape = tuple(map(int, arrays[0]))
    if np.prod(shape, dtype=np.float64) > MAX_VALUES:
        raise ValueError
    return np.full(shape, arrays[1].reshape(()))


def _squeeze(arrays: _Arrays, _: _Options) -> np.ndarray:
    return arrays[0].squeeze()


_RULES: dict[str, Callable[[_Arrays, _Options], np.ndarray]] = {
    "SHAPE": lambda arrays, options: np.array(arrays[0].shape),
    "ADD": _binary(np.add),
    "SUB": _binary(np.subtract),
    "MUL": _binary(np.multiply),
    "FLOOR_DIV": _binary(np.floor_divide),
    "MAXIMUM": _binary(np.maximum),
    "MINIMUM": _binary(np.minimum),
    "CAST": lambda arrays, options: arrays[0],
    "CONCATENATION": lambda arrays, options: np.concatenate(arrays, options["axis"]),
    "EXPAND_DIMS": lambda arrays, options: np.expand_dims(arrays[0], int(arrays[1].reshape(()))),
    "FILL": _fill,
    "GATHER": lambda arrays, options: np.take(arrays[0], arrays[1], options["axis"]),
    "PACK": lambda arrays, options: np.stack(arrays, options["axis"]),
    "RANGE": _range,
    "REDUCE_PROD": _reduced(np.prod),
    "RESHAPE": lambda arrays, options: arrays[0].reshape([int(n) for n in arrays[1]]),
    "SLICE": _slice,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "SUM": _reduced(np.sum),
}
"""The operators that are folded; anything unusual raises an error of NumPy's, and is not."""
