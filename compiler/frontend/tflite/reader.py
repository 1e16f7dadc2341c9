"""A TFLite file as a graph."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.tflite.boundary import Boundary, find_boundary
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.model_file import (
    ModelFile,
    open_model,
    read_options,
    refuse_special,
    valid_file,
)
from compiler.frontend.tflite.operator import Operator
from compiler.frontend.tflite.operators import CONVERTERS
from compiler.frontend.tflite.schema import OperatorSlot, SubgraphSlot
from compiler.frontend.tflite.shuffle import find_shuffles
from compiler.frontend.tflite.tensors import TensorReader
from compiler.ir.graph import Graph, Node
from compiler.ir.verify import verify


def read_tflite(data: bytes, name: str) -> Graph:
    """The int8 model in the bytes of a ``.tflite`` file, verified.

    Raises InputError for a file that is no valid model, UnsupportedError for a model that uses what
    is not handled. Format: ``tensorflow/lite/schema/schema.fbs``, version 3.
    """
    with valid_file():
        graph = _read_model(open_model(data), name)
    verify(graph, "quantised")
    return graph


def _read_model(model: ModelFile, name: str) -> Graph:
    subgraph, tensors = model.subgraph, model.tensors
    boundary = find_boundary(subgraph, model.builtins, tensors)
    inputs = _names(subgraph, SubgraphSlot.INPUTS, tensors, boundary)
    nodes = _read_nodes(model, boundary)
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


def _read_nodes(model: ModelFile, boundary: Boundary) -> list[Node]:
    nodes: list[Node] = []
    made: set[str] = set()
    subgraph, tensors = model.subgraph, model.tensors
    builtins, tables = model.builtins, model.operators
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
                found: Node | list[Node] = shuffles[index].node(tensors)
            else:
                found = CONVERTERS[builtin].convert(_decode(table, builtin, read, tensors))
            added = found if isinstance(found, list) else [found]
            for node in added:
                if node.name in made:
                    raise InputError(f"output {show(node.name)} is another operator's too")
                made.add(node.name)
        nodes += added
    return nodes


def _read_tensors(subgraph: Table, operators: Sequence[Table]) -> set[int]:
    """Indices of the tensors that an operator reads or the subgraph gives out."""
    vectors = [operator.vector(OperatorSlot.INPUTS, "i4") for operator in operators]
    vectors.append(subgraph.vector(SubgraphSlot.OUTPUTS, "i4"))
    return {int(index) for vector in vectors for index in vector}


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
    refuse_special(table)
    return Operator(
        builtin,
        tuple(map(int, inputs)),
        tuple(int(i) if outputs.size == 1 or int(i) in read else -1 for i in outputs),
        read_options(table, builtin),
        tensors,
    )
