"""A TFLite file as a graph."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.called import called_by_first
from compiler.frontend.tflite.boundary import Boundary, find_boundary
from compiler.frontend.tflite.dilation import find_dilated
from compiler.frontend.tflite.elementwise import cast_input
from compiler.frontend.tflite.faults import Faults
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.folding import fold
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
from compiler.frontend.tflite.simplify import simplified
from compiler.frontend.tflite.tensors import TensorReader
from compiler.frontend.tflite.variables import find_variables
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
    graph = simplified(graph)
    verify(graph, "quantised")
    return graph


def _read_model(model: ModelFile, name: str) -> Graph:
    subgraph, tensors = model.subgraph, model.tensors
    boundary, variables = find_boundary(subgraph, model.builtins, tensors), find_variables(model)
    boundary.dropped |= variables.dropped
    inputs = _names(subgraph, SubgraphSlot.INPUTS, tensors, boundary)
    inputs += tuple(tensors.tensor(i).name for i in variables.read.values())
    nodes = _read_nodes(model, boundary)
    outputs = _names(subgraph, SubgraphSlot.OUTPUTS, tensors, boundary)
    states = (tensors.tensor(i).name for i in variables.assigned.values())
    outputs += tuple(name for name in states if name not in outputs)
    return Graph(name, tensors.decoded(), called_by_first(nodes), inputs, outputs)


def _names(
    subgraph: Table, slot: SubgraphSlot, tensors: TensorReader, boundary: Boundary
) -> tuple[str, ...]:
    """Names of the subgraph's inputs or outputs, or of the integer tensors that stand for them."""
    names: dict[str, None] = {}
    with located(slot.name.lower()):
        for index in map(int, subgraph.vector(slot, "i4")):
            if index in boundary.stands_for:
                tensor = tensors.declare(boundary.stands_for[index], index)
            elif index in boundary.numbers:
                tensor = tensors.numbers(index)
            else:
                tensor = tensors.tensor(index)
            if tensor.name in names:
                raise InputError(f"tensor {show(tensor.name)} is listed twice")
            names[tensor.name] = None
    return tuple(names)


def _read_nodes(model: ModelFile, boundary: Boundary) -> list[Node]:
    """The nodes of all operators. Everything that is in the way of one is in one message."""
    nodes: list[Node] = []
    faults = Faults()
    made: set[str] = set()
    subgraph, tensors = model.subgraph, model.tensors
    shuffles = find_shuffles(subgraph, model.builtins, tensors)
    inside = {i for shuffle in shuffles.values() for i in (shuffle.first, shuffle.second)}
    inside.update(boundary.dropped)
    dilated = find_dilated(model)
    inside.update(i for found in dilated.values() for i in (found.first, found.convolution))
    read = _read_tensors(subgraph, model.operators)
    for numbers, quantised in boundary.numbers.items():
        nodes += cast_input(tensors.tensor(numbers), tensors.tensor(quantised), tensors)
    for index, (builtin, table) in enumerate(zip(model.builtins, model.operators, strict=True)):
        if index in inside or fold(table, builtin, tensors):
            continue
        with faults.of(index, builtin, table, tensors):
            if builtin == "DENSIFY":
                added = _densified(table, tensors)
            elif index in shuffles:
                added = [shuffles[index].node(tensors)]
            elif index in dilated:
                inner = dilated[index].convolution
                own = model.operators[inner], model.builtins[inner]
                added = [dilated[index].node(_decode(*own, read, tensors))]
            else:
                added = _converted(table, builtin, read, tensors)
            for node in added:
                if node.name in made:
                    raise InputError(f"output {show(node.name)} is another operator's too")
                made.add(node.name)
            nodes += added
    faults.raise_all()
    return nodes


def _densified(table: Table, tensors: TensorReader) -> list[Node]:
    """No node: the output is a constant."""
    ends = [table.vector(slot, "i4") for slot in (OperatorSlot.INPUTS, OperatorSlot.OUTPUTS)]
    if [len(end) for end in ends] != [1, 1]:
        raise InputError(f"{len(ends[0])} inputs and {len(ends[1])} outputs; 1 of each is accepted")
    tensors.densify(int(ends[0][0]), int(ends[1][0]))
    return []


def _converted(table: Table, builtin: str, read: set[int], tensors: TensorReader) -> list[Node]:
    if builtin not in CONVERTERS:
        raise UnsupportedError("not handled; docs/supported_ops.md lists what is")
    found = CONVERTERS[builtin].convert(_decode(table, builtin, read, tensors))
    return found if isinstance(found, list) else [found]


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
