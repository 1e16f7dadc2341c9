"""Large constants of a model in memory by reference, so that copies of the model are small.

Such a tensor has its name, type and shape, and as location the number of its array. References last
as long as the block ``references()`` around them; outside of one there are none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from compiler.errors import InputError, show

#: Arrays of more elements are held by reference.
LARGE = 1 << 14

#: Types of such arrays.
_HELD = frozenset((TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8))


@dataclass
class _Held:
    """Arrays by number; numbers are given once."""

    arrays: dict[int, np.ndarray] = field(default_factory=dict)
    given: int = 0

    def number(self, array: np.ndarray) -> int:
        """The number of an array that is held from now on."""
        self.given += 1
        self.arrays[self.given] = array
        return self.given


_HELD_NOW: ContextVar[_Held] = ContextVar("held")


@contextmanager
def references() -> Iterator[bool]:
    """A block in which large constants are held by reference; yields whether it is the outermost.

    What leaves the outermost block must be made ``whole``.
    """
    if _HELD_NOW.get(None) is not None:
        yield False
        return
    token = _HELD_NOW.set(_Held())
    try:
        yield True
    finally:
        _HELD_NOW.reset(token)


def keep_only(*models: onnx.ModelProto) -> None:
    """Let go of the arrays that none of the models refers to; others must not be used any more."""
    held = _HELD_NOW.get(None)
    if held is not None:
        tensors = (t for model in models for t in model.graph.initializer)
        numbers = {_number(t) for t in tensors if is_reference(t)}
        held.arrays = {n: array for n, array in held.arrays.items() if n in numbers}


def refer(model: onnx.ModelProto) -> None:
    """Replace what the model's large constants hold by references, where these are held."""
    if _HELD_NOW.get(None) is None:
        return
    for tensor in model.graph.initializer:
        if not is_reference(tensor) and tensor.data_type in _HELD and size_of(tensor) > LARGE:
            tensor.CopyFrom(tensor_of(array_of(tensor), tensor.name))


def whole(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, which is changed, with its constants in it again."""
    for tensor in model.graph.initializer:
        if is_reference(tensor):
            tensor.CopyFrom(numpy_helper.from_array(array_of(tensor), tensor.name))
    return model


def written(model: onnx.ModelProto, folder: Path) -> Path:
    """The file of the model, which is used up, in a folder for it alone. Its large constants are in
    another file, so that they are never all in memory once more."""
    path, offset = folder / "given.onnx", 0
    with open(folder / "given.weights", "wb") as weights:
        for tensor in model.graph.initializer:
            if is_reference(tensor):
                array = np.ascontiguousarray(array_of(tensor))
                place = {"location": "given.weights", "offset": offset, "length": array.nbytes}
                weights.write(array.data)
                offset += array.nbytes
                del tensor.external_data[:]
                for key, value in place.items():
                    tensor.external_data.add(key=key, value=str(value))
    path.write_bytes(model.SerializeToString())
    return path


def size_of(tensor: onnx.TensorProto) -> int:
    """The number of elements by the tensor's shape."""
    return math.prod(tensor.dims)


def is_reference(tensor: onnx.TensorProto) -> bool:
    """Whether the tensor's values are held elsewhere."""
    return tensor.data_location == onnx.TensorProto.EXTERNAL


def _number(tensor: onnx.TensorProto) -> int:
    return int(tensor.external_data[0].value)


def array_of(tensor: onnx.TensorProto) -> np.ndarray:
    """The values of a constant, not to be changed where they are held by reference.

    Raises InputError where its bytes do not fit it.
    """
    if is_reference(tensor):
        return _HELD_NOW.get().arrays[_number(tensor)]
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as fault:
        raise InputError(f"constant {show(tensor.name)}: {fault}") from None


def tensor_of(array: np.ndarray, name: str) -> onnx.TensorProto:
    """A constant of these values, by reference if they are many and references are held."""
    held = _HELD_NOW.get(None)
    if held is None or array.size <= LARGE:
        return numpy_helper.from_array(array, name)
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = TensorProto(name=name, data_type=kind, dims=array.shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(held.number(array)))
    return tensor
