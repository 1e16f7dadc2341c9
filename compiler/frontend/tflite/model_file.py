"""A TFLite file as its tables: one subgraph, its operators by name, and their options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tflite

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.tflite.flatbuf import FlatbufferError, Table
from compiler.frontend.tflite.schema import (
    IDENTIFIER,
    INTEGERS,
    OPTIONS,
    VERSION,
    CodeSlot,
    Field,
    ModelSlot,
    OperatorSlot,
    SubgraphSlot,
    enum_name,
)
from compiler.frontend.tflite.tensors import TensorReader

#: Types of activations that say that a model is quantised.
_INTEGERS = ("INT8", "UINT8", "INT16")


@dataclass(frozen=True)
class ModelFile:
    """The first subgraph of a model, with its ``operators`` and their names, ``builtins``.

    Others give variables their first values.
    """

    model: Table
    subgraph: Table
    tensors: TensorReader
    operators: tuple[Table, ...]
    builtins: tuple[str, ...]

    def other(self, index: int) -> ModelFile:
        """Likewise another subgraph. Raises InputError where there is none."""
        return _of_subgraph(self.model, index)

    def indices(self, slot: SubgraphSlot) -> tuple[int, ...]:
        """The tensors that are the subgraph's inputs or outputs."""
        return tuple(map(int, self.subgraph.vector(slot, "i4")))


@contextmanager
def valid_file() -> Iterator[None]:
    """Raise InputError where the file's own structure does not hold."""
    try:
        yield
    except (FlatbufferError, UnicodeDecodeError) as fault:
        raise InputError(f"not a valid TFLite model: {fault}") from None


def open_model(data: bytes) -> ModelFile:
    """The tables of a ``.tflite`` file. Raises InputError, UnsupportedError and FlatbufferError."""
    if data[4:8] != IDENTIFIER:
        raise InputError(
            f"not a TFLite model: identifier {data[4:8]!r}; {IDENTIFIER!r} is accepted"
        )
    model = Table.root(data)
    version = model.scalar(ModelSlot.VERSION, "I")
    if version != VERSION:
        raise UnsupportedError(f"schema version {version}; {VERSION} is accepted")
    subgraphs = model.count(ModelSlot.SUBGRAPHS)
    found = _of_subgraph(model, 0) if subgraphs else None
    if found is None or (subgraphs > 1 and "CALL_ONCE" not in found.builtins):
        raise UnsupportedError(
            f"{subgraphs} subgraphs; 1 is accepted, and more that CALL_ONCE runs for variables"
        )
    return found


def _of_subgraph(model: Table, number: int) -> ModelFile:
    if not 0 <= number < model.count(ModelSlot.SUBGRAPHS):
        raise InputError(f"subgraph {number}; the model has {model.count(ModelSlot.SUBGRAPHS)}")
    subgraph = model.entry(ModelSlot.SUBGRAPHS, number)
    count = subgraph.count(SubgraphSlot.OPERATORS)
    operators = tuple(subgraph.entry(SubgraphSlot.OPERATORS, index) for index in range(count))
    builtins = tuple(_builtin(model, table, index) for index, table in enumerate(operators))
    return ModelFile(model, subgraph, TensorReader(model, subgraph), operators, builtins)


def is_float(data: bytes) -> bool:
    """Whether the inputs of a ``.tflite`` model are float32, or made so by CAST, and no operator
    makes 8 or 16 bits.

    Raises InputError and UnsupportedError.
    """
    with valid_file():
        model = open_model(data)
        inputs = model.indices(SubgraphSlot.INPUTS)
        made = [
            int(i)
            for builtin, table in zip(model.builtins, model.operators, strict=True)
            if builtin != "DENSIFY"
            for i in table.vector(OperatorSlot.OUTPUTS, "i4")
        ]
        cast = {
            int(i)
            for builtin, table in zip(model.builtins, model.operators, strict=True)
            if builtin == "CAST"
            for i in table.vector(OperatorSlot.INPUTS, "i4")
        }
        return (
            bool(inputs)
            and all(model.tensors.is_float(i) or i in cast for i in inputs)
            and not any(i >= 0 and model.tensors.kind(i) in _INTEGERS for i in made)
        )


def _builtin(model: Table, operator: Table, index: int) -> str:
    """Name of the operator, with that of its kind if it is a custom one."""
    number = int(operator.scalar(OperatorSlot.OPCODE_INDEX, "I"))
    codes = model.count(ModelSlot.OPERATOR_CODES)
    if number >= codes:
        raise InputError(f"operator {index}: opcode index {number}; 0 to {codes - 1} is accepted")
    code = model.entry(ModelSlot.OPERATOR_CODES, number)
    value = max(
        int(code.scalar(CodeSlot.DEPRECATED_BUILTIN_CODE, "b")),
        int(code.scalar(CodeSlot.BUILTIN_CODE, "i")),
    )
    name = enum_name(tflite.BuiltinOperator, value)
    if name == "CUSTOM":
        name = f"CUSTOM {show(code.string(CodeSlot.CUSTOM_CODE))}"
    return name


def refuse_special(table: Table, custom: bool = False) -> None:
    """Raise UnsupportedError for what an operator has besides inputs, outputs and options, which
    may be ``custom`` ones."""
    if table.vector(OperatorSlot.MUTATING_INPUTS, "u1").any():
        raise UnsupportedError("changes an input in place; inputs that stay are accepted")
    if table.vector(OperatorSlot.INTERMEDIATES, "i4").size:
        raise UnsupportedError("has intermediate tensors; none are accepted")
    options = 0 if custom else table.vector(OperatorSlot.CUSTOM_OPTIONS, "u1").size
    if options or table.has(OperatorSlot.OPTIONS_2):
        raise UnsupportedError("has custom options; built-in ones are accepted")


def read_transpose_conv_bias(table: Table) -> dict[str, Any]:
    """The options of MediaPipe's transposed convolution with a bias: three int32, the padding by
    LiteRT's own codes and the strides. Raises InputError for other options."""
    data = table.vector(OperatorSlot.CUSTOM_OPTIONS, "u1")
    if data.size < 12:
        raise InputError(f"custom options of {data.size} bytes; 12 are accepted")
    padding, width, height = data[:12].copy().view("<i4").tolist()
    codes = {1: tflite.Padding.SAME, 2: tflite.Padding.VALID}
    if padding not in codes:
        raise InputError(f"custom padding {padding}; 1 (same) or 2 (valid) is accepted")
    return {"padding": codes[padding], "stride_w": width, "stride_h": height}


def read_options(table: Table, builtin: str) -> dict[str, Any]:
    """The options by field name. Raises InputError where they are missing or another operator's,
    UnsupportedError for fields that a later schema added."""
    spec = OPTIONS[builtin]
    found = enum_name(tflite.BuiltinOptions, int(table.scalar(OperatorSlot.OPTIONS_TYPE, "B")))
    options = table.table(OperatorSlot.OPTIONS)
    if found == "NONE" or options is None:
        if spec.required:
            raise InputError(f"has no options; {spec.table} is accepted")
        return {name: field.default for name, field in spec.fields.items()}
    if found != spec.table:
        raise InputError(f"has options {found}; {spec.table} is accepted")
    for slot in range(spec.slots, options.slots()):
        if options.has(slot):
            raise UnsupportedError(
                f"{spec.table} field {slot} is not known; 0 to {spec.slots - 1} are accepted"
            )
    return {name: _field(options, field) for name, field in spec.fields.items()}


def _field(options: Table, field: Field) -> Any:
    if field.layout == INTEGERS:
        return tuple(options.vector(field.slot, "i4").tolist())
    assert not isinstance(field.default, tuple), field
    return options.scalar(field.slot, field.layout, field.default)
