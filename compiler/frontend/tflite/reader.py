"""A TFLite file as a graph."""

from __future__ import annotations

import tflite

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.tflite.boundary import Boundary, find_boundary
from compiler.frontend.tflite.flatbuf import FlatbufferError, Table
from compiler.frontend.tflite.operators import CONVERTERS, Operator
from compiler.frontend.tflite.schema import (
    IDENTIFIER,
    OPTIONS,
    VERSION,
    CodeSlot,
    ModelSlot,
    OperatorSlot,
    SubgraphSlot,
    enum_name,
)
from compiler.frontend.tflite.shuffle import find_shuffles
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Graph, Node
from compiler.ir.verify import verify


def read_tflite(data: bytes, name: str) -> Graph:
    """The int8 model in the bytes of a ``.tflite`` file, verified.

    Raises InputError for a file that is no valid model, UnsupportedError for a model that uses what
    is not handled. Format: ``tensorflow/lite/schema/schema.fbs``, version 3.
    """
    if data[4:8] != IDENTIFIER:
        raise InputError(
            f"not a TFLite model: identifier {data[4:8]!r}; {IDENTIFIER!r} is accepted"
        )
    try:
        graph = _read_model(Table.root(data), name)
    except (FlatbufferError, UnicodeDecodeError) as fault:
        raise InputError(f"not a valid TFLite model: {fault}") from None
    verify(graph, "quantised")
    return graph


def _read_model(model: Table, name: str) -> Graph:
    version = model.scalar(ModelSlot.VERSION, "I")
    if version != VERSION:
        raise UnsupportedError(f"schema version {version}; {VERSION} is accepted")
    subgraphs = model.count(ModelSlot.SUBGRAPHS)
    if subgraphs != 1:
        raise UnsupportedError(f"{subgraphs} subgraphs; 1 is accepted")
    subgraph = model.entry(ModelSlot.SUBGRAPHS, 0)
    tensors = TensorReader(model, subgraph)
    builtins = [
        _builtin(model, subgraph.entry(SubgraphSlot.OPERATORS, index), index)
        for index in range(subgraph.count(SubgraphSlot.OPERATORS))
    ]
    boundary = find_boundary(subgraph, builtins, tensors)
    inputs = _names(subgraph, SubgraphSlot.INPUTS, tensors, boundary)
    nodes = _read_nodes(subgraph, builtins, tensors, boundary)
    outputs = _names(subgraph, SubgraphSlot.OUTPUTS, tensors, boundary)
    return Graph(name, tensors.decoded(), nodes, inputs, outputs)


def _names(
    subgraph: Table, slot: SubgraphSlot, tensors: TensorReader, boundary: Boundary
) -> tuple[str, ...]:
    """Names of the subgraph's inputs or outputs, or of the integer tensors that stand for them."""
    names: dict[str, None] = {}
    with located(slot.name.lower()):
        for index in map(int, subgraph.vector(slot, "i4")):
            if index in boundary.stands_for:
                tensor = tensors.declare(boundary.stands_for[index], index)
            else:
                tensor = tensors.tensor(index)
            if tensor.name in names:
                raise InputError(f"tensor {show(tensor.name)} is listed twice")
            names[tensor.name] = None
    return tuple(names)


def _read_nodes(
    subgraph: Table, builtins: list[str], tensors: TensorReader, boundary: Boundary
) -> list[Node]:
    nodes: list[Node] = []
    made: set[str] = set()
    tables = [
        subgraph.entry(SubgraphSlot.OPERATORS, i)
        for i in range(subgraph.count(SubgraphSlot.OPERATORS))
    ]
    shuffles = find_shuffles(subgraph, builtins, tensors)
    inside = {i for shuffle in shuffles.values() for i in (shuffle.first, shuffle.second)}
    inside.update(boundary.dropped)
    read = _read_tensors(subgraph, tables)
    for index, (builtin, table) in enumerate(zip(builtins, tables, strict=True)):
        if index in inside:
            continue
        if builtin not in CONVERTERS and index not in shuffles:
            raise UnsupportedError(
                f"operator {index}: {builtin} is not handled; accepted: {', '.join(CONVERTERS)}"
            )
        with located(f"operator {index} ({builtin})"):
            if index in shuffles:
                found = shuffles[index].node(tensors)
            else:
                found = CONVERTERS[builtin].convert(_decode(table, builtin, read, tensors))
            added = found if isinstance(found, list) else [found]
            for node in added:
                if node.name in made:
                    raise InputError(f"output {show(node.name)} is another operator's too")
                made.add(node.name)
        nodes += added
    return nodes


def _read_tensors(subgraph: Table, operators: list[Table]) -> set[int]:
    """Indices of the tensors that an operator reads or the subgraph gives out."""
    vectors = [operator.vector(OperatorSlot.INPUTS, "i4") for operator in operators]
    vectors.append(subgraph.vector(SubgraphSlot.OUTPUTS, "i4"))
    return {int(index) for vector in vectors for index in vector}


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


def _decode(table: Table, builtin: str, read: set[int], tensors: TensorReader) -> Operator:
    inputs = table.vector(OperatorSlot.INPUTS, "i4")
    outputs = table.vector(OperatorSlot.OUTPUTS, "i4")
    fewest, most = CONVERTERS[builtin].fewest, CONVERTERS[builtin].most
    if not fewest <= inputs.size <= most:
        accepted = str(most) if fewest == most else f"{fewest} to {most}"
        raise InputError(f"{inputs.size} inputs; {accepted} are accepted")
    if not 1 <= outputs.size <= CONVERTERS[builtin].outputs:
        accepted = "1 is" if CONVERTERS[builtin].outputs == 1 else "1 or more are"
        raise InputError(f"{outputs.size} outputs; {accepted} accepted")
    _refuse_special(table)
    return Operator(
        builtin,
        tuple(map(int, inputs)),
        tuple(int(i) if outputs.size == 1 or int(i) in read else -1 for i in outputs),
        _read_options(table, builtin),
        tensors,
    )


def _refuse_special(table: Table) -> None:
    if table.vector(OperatorSlot.MUTATING_INPUTS, "u1").any():
        raise UnsupportedError("changes an input in place; inputs that stay are accepted")
    if table.vector(OperatorSlot.INTERMEDIATES, "i4").size:
        raise UnsupportedError("has intermediate tensors; none are accepted")
    if table.vector(OperatorSlot.CUSTOM_OPTIONS, "u1").size or table.has(OperatorSlot.OPTIONS_2):
        raise UnsupportedError("has custom options; built-in ones are accepted")


def _read_options(table: Table, builtin: str) -> dict:
    """The options by field name. Fields that a later schema added are refused."""
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
    return {
        name: options.scalar(field.slot, field.layout, field.default)
        for name, field in spec.fields.items()
    }
