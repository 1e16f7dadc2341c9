"""Tensors and constants of a TFLite subgraph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
import tflite

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.schema import (
    DTYPES,
    BufferSlot,
    ModelSlot,
    OperatorSlot,
    QuantSlot,
    SubgraphSlot,
    TensorSlot,
    enum_name,
)
from compiler.frontend.tflite.sparse import dense
from compiler.frontend.tflite.tensor_table import (
    refuse_special,
    tensor_quant,
    tensor_shape,
    type_fault,
)
from compiler.ir.graph import Declared, Quant, Tensor
from compiler.ir.verify import check_shape

_INDEX_TYPES = {tflite.TensorType.INT32: "int32", tflite.TensorType.INT64: "int64"}
_REAL_TYPES = {tflite.TensorType.FLOAT32: "float32", tflite.TensorType.FLOAT16: "float16"}


class TensorReader:
    """Decodes a tensor when an operator first names it, so that unused ones are never looked at.

    Names stay the model's own; an empty or repeated one gets the tensor's index as a suffix.
    """

    def __init__(self, model: Table, subgraph: Table) -> None:
        self._model = model
        self._subgraph = subgraph
        self._by_index: dict[int, Tensor] = {}
        self._folded: dict[int, np.ndarray] = {}
        self._dense: dict[int, np.ndarray] = {}
        self._invented: list[Tensor] = []
        self._led: set[str] = set()
        self._name_of: dict[int, str] = {}
        self._names: set[str] = set()

    def tensor(self, index: int) -> Tensor:
        """Tensor ``index``. Raises InputError or UnsupportedError naming it.

        A constant without axes has one; an activation whose first axis is no batch of 1 has such an
        axis before it.
        """
        if index not in self._by_index:
            self._by_index[index] = self._decode(index, self.name(index))
        return self._by_index[index]

    def name(self, index: int) -> str:
        """The name of tensor ``index``, which stays undecoded."""
        if index not in self._name_of:
            given = self._table(index).string(TensorSlot.NAME)
            self._name_of[index] = self._unique_name(given, index)
        return self._name_of[index]

    def kind(self, index: int) -> str:
        """The schema's name of the type of tensor ``index``, such as ``FLOAT32``."""
        return enum_name(tflite.TensorType, int(self._table(index).scalar(TensorSlot.TYPE, "b")))

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of tensor ``index``, which stays undecoded and may have any number of axes."""
        table = self._table(index)
        with located(f"tensor {show(table.string(TensorSlot.NAME))}"):
            return tensor_shape(table)

    def decoded(self) -> dict[str, Tensor]:
        """Every tensor asked for or invented so far, by name."""
        return {t.name: t for t in (*self._by_index.values(), *self._invented)}

    def lead(self, name: str) -> int:
        """Axes that the tensor has before those of the model: 1 or 0."""
        return int(name in self._led)

    def invent(self, name: str, like: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A tensor that the model does not have, of type and quantisation of ``like``."""
        tensor = replace(like, name=self._unique_name(name, 0), shape=shape, declared=None)
        self._invented.append(tensor)
        return tensor

    def constant(self, name: str, data: np.ndarray, quant: Quant | None = None) -> Tensor:
        """A constant that the model does not have, shaped as ``data``."""
        tensor = Tensor(self._unique_name(name, 0), data.shape, str(data.dtype), quant, data)
        self._invented.append(tensor)
        return tensor

    def fold(self, index: int, values: np.ndarray) -> None:
        """Note the values of a tensor of integers that the model computes from constants alone."""
        self._folded[index] = values

    def is_float(self, index: int) -> bool:
        """Whether tensor ``index`` is a float32 one, which only the model's boundary may be."""
        kind: int = self._table(index).scalar(TensorSlot.TYPE, "b")
        return kind == int(tflite.TensorType.FLOAT32)

    def densify(self, index: int, output: int) -> None:
        """Note that tensor ``output`` has the values of the sparse constant ``index``, with its
        zeros. Raises InputError or UnsupportedError."""
        table = self._table(index)
        with located(f"tensor {show(table.string(TensorSlot.NAME))}"):
            sparsity, code = table.table(TensorSlot.SPARSITY), table.scalar(TensorSlot.TYPE, "b")
            dtype = {**DTYPES, **_REAL_TYPES}.get(code)
            if sparsity is None or dtype is None:
                raise UnsupportedError(
                    f"type {self.kind(index)}, {'sparse' if sparsity else 'dense'}; a sparse "
                    "constant is accepted"
                )
            values = self._buffer(table).view(np.dtype(dtype).newbyteorder("<")).astype(dtype)
            self._dense[output] = dense(sparsity, values, tensor_shape(table))

    def is_index(self, index: int) -> bool:
        """Whether tensor ``index`` holds int32 or int64 integers without a scale."""
        table = self._table(index)
        params = table.table(TensorSlot.QUANTIZATION)
        scaled = params is not None and params.vector(QuantSlot.SCALE, "f4").size > 0
        return table.scalar(TensorSlot.TYPE, "b") in _INDEX_TYPES and not scaled

    def declare(self, index: int, real: int) -> Tensor:
        """Tensor ``index``, which stands for the one ``real`` at the model's boundary."""
        tensor = self.tensor(index)
        table = self._table(real)
        with located(f"tensor {show(table.string(TensorSlot.NAME))}"):
            shape = tensor_shape(table)
        declared = Declared(self.kind(real).lower(), shape, tuple(range(len(shape))))
        self._by_index[index] = replace(tensor, declared=declared)
        return self._by_index[index]

    def numbers(self, index: int) -> Tensor:
        """Tensor ``index``, whose stored values are the numbers themselves."""
        self._by_index[index] = replace(self.tensor(index), quant=Quant((1.0,), (0,)))
        return self._by_index[index]

    def index_values(self, index: int) -> np.ndarray | None:
        """A constant int32 or int64 tensor such as a shape, as int64; None when it is computed."""
        if index in self._folded:
            return self._folded[index]
        data = self._constant(index, _INDEX_TYPES)
        return None if data is None else data.astype(np.int64)

    def stored_values(self, index: int) -> np.ndarray | None:
        """A constant int8 tensor as it is stored; None when it is computed."""
        return self._constant(index, {tflite.TensorType.INT8: "int8"})

    def real_values(self, index: int) -> np.ndarray | None:
        """A constant float32 or float16 tensor as float32, or the real values of one of 8 bits;
        None when it is computed."""
        if index in self._dense:
            return self._dense[index].astype(np.float32)
        if self.kind(index) in ("INT8", "UINT8", "INT32"):
            return _dequantised(self.tensor(index))
        data = self._constant(index, _REAL_TYPES)
        return None if data is None else data.astype(np.float32)

    @cached_property
    def _activations(self) -> frozenset[int]:
        """The subgraph's inputs and what its operators make."""
        made = set(map(int, self._subgraph.vector(SubgraphSlot.INPUTS, "i4")))
        for index in range(self._subgraph.count(SubgraphSlot.OPERATORS)):
            table = self._subgraph.entry(SubgraphSlot.OPERATORS, index)
            made.update(map(int, table.vector(OperatorSlot.OUTPUTS, "i4")))
        return frozenset(made)

    def _constant(self, index: int, types: Mapping[int, str]) -> np.ndarray | None:
        """The values of a tensor of one of two types by their code in the schema."""
        table = self._table(index)
        code = int(table.scalar(TensorSlot.TYPE, "b"))
        where = f"tensor {show(table.string(TensorSlot.NAME))}"
        if code not in types:
            accepted = " or ".join(dtype.upper() for dtype in types.values())
            raise UnsupportedError(f"{where}: type {self.kind(index)}; {accepted} is accepted")
        with located(where):
            refuse_special(table)
            shape = tensor_shape(table)
            if 0 in shape:
                return np.zeros(shape, types[code])
            return self._values(table, shape, types[code])

    def _table(self, index: int) -> Table:
        count = self._subgraph.count(SubgraphSlot.TENSORS)
        if not 0 <= index < count:
            raise InputError(f"tensor index {index}; 0 to {count - 1} is accepted")
        return self._subgraph.entry(SubgraphSlot.TENSORS, index)

    def _unique_name(self, name: str, index: int) -> str:
        unique = name or f"tensor_{index}"
        while unique in self._names:
            unique += f"_{index}"
        self._names.add(unique)
        return unique

    def _decode(self, index: int, name: str) -> Tensor:
        table = self._table(index)
        with located(f"tensor {show(name)}"):
            code = int(table.scalar(TensorSlot.TYPE, "b"))
            dtype = DTYPES.get(code)
            wide = code == tflite.TensorType.INT64 and index in self._activations
            if dtype is None and not wide:
                raise UnsupportedError(type_fault(code))
            dtype = dtype or "int32"
            refuse_special(table)
            shape = tensor_shape(table)
            data = self._values(table, shape, dtype) if index not in self._dense else None
            data = self._dense.get(index, data)
            quant = tensor_quant(table)
        if data is not None:
            shape = shape or (1,)
            check_shape(Tensor(name, shape, dtype))
            return Tensor(name, shape, dtype, quant, data.reshape(shape))
        declared = None
        if wide or (index in self._activations and (not shape or shape[0] > 1)):
            declared = Declared("int64" if wide else dtype, shape, tuple(range(len(shape))))
        if index in self._activations and (not shape or shape[0] > 1):
            if shape:
                self._led.add(name)
            shape = (1, *shape)
        tensor = Tensor(name, shape, dtype, quant, declared=declared)
        check_shape(tensor)
        return tensor

    def _values(self, table: Table, shape: tuple[int, ...], dtype: str) -> np.ndarray | None:
        data = self._buffer(table)
        if data.size == 0:
            return None
        expected = math.prod(shape) * np.dtype(dtype).itemsize
        if data.size != expected:
            raise InputError(
                f"buffer {int(table.scalar(TensorSlot.BUFFER, 'I'))} has {data.size} bytes; "
                f"{expected} are accepted for {dtype} {list(shape)}"
            )
        values = data.view(np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)
        values.setflags(write=False)
        return values

    def _buffer(self, table: Table) -> np.ndarray:
        """The bytes of a tensor's constant values, none if it has none."""
        index = int(table.scalar(TensorSlot.BUFFER, "I"))
        count = self._model.count(ModelSlot.BUFFERS)
        if index >= count:
            raise InputError(f"buffer index {index}; 0 to {count - 1} is accepted")
        buffer = self._model.entry(ModelSlot.BUFFERS, index)
        if buffer.scalar(BufferSlot.OFFSET, "Q") or buffer.scalar(BufferSlot.SIZE, "Q"):
            raise UnsupportedError(
                f"buffer {index} lies after the end of the model; buffers inside it are accepted"
            )
        return buffer.vector(BufferSlot.DATA, "u1").copy()


def _dequantised(tensor: Tensor) -> np.ndarray | None:
    """The real values of a constant, float32."""
    if tensor.data is None:
        return None
    if tensor.quant is None:
        raise UnsupportedError(
            f"tensor {show(tensor.name)} has integers without a scale; real values are accepted"
        )
    spread = [1] * tensor.data.ndim
    if tensor.quant.axis is not None:
        spread[tensor.quant.axis] = -1
    scale = np.array(tensor.quant.scale, np.float32).reshape(spread)
    zero_point = np.array(tensor.quant.zero_point, np.int64).reshape(spread)
    steps = tensor.data.astype(np.int64) - zero_point
    return (steps * scale.astype(np.float64)).astype(np.float32)
