"""Variables of a TFLite model, which keep state from one run to the next, as inputs and outputs.

VAR_HANDLE names a variable, READ_VARIABLE and ASSIGN_VARIABLE use it, and CALL_ONCE runs the
subgraph that gives it its first value. In the graph what is read is an input more, and what is
assigned an output more: the network's user hands the state on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.model_file import ModelFile, open_model, valid_file
from compiler.frontend.tflite.schema import OperatorSlot

OPERATORS = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")

_SHARED_NAME = 1
_INIT_SUBGRAPH = 0


@dataclass
class Variables:
    """The tensors that are ``read`` and ``assigned`` by variable, in the order of the operators,
    which are ``dropped``."""

    read: dict[str, int] = field(default_factory=dict)
    assigned: dict[str, int] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)


def find_variables(model: ModelFile) -> Variables:
    """The variables of a model. Raises UnsupportedError where they are no state from run to run."""
    found, names = Variables(), dict[int, str]()
    for index, (builtin, table) in enumerate(zip(model.builtins, model.operators, strict=True)):
        if builtin not in OPERATORS:
            continue
        found.dropped.add(index)
        inputs, outputs = (
            list(map(int, table.vector(slot, "i4")))
            for slot in (OperatorSlot.INPUTS, OperatorSlot.OUTPUTS)
        )
        counts = {"VAR_HANDLE": (0, 1), "READ_VARIABLE": (1, 1), "ASSIGN_VARIABLE": (2, 0)}
        with located(f"operator {index} ({builtin})"):
            if builtin in counts and counts[builtin] != (len(inputs), len(outputs)):
                raise InputError(
                    f"{len(inputs)} inputs and {len(outputs)} outputs; "
                    f"{' and '.join(map(str, counts[builtin]))} are accepted"
                )
            if builtin == "VAR_HANDLE":
                names[outputs[0]] = _shared_name(table)
            elif builtin == "READ_VARIABLE":
                _note_read(found, _named(names, inputs[0]), outputs[0])
            elif builtin == "ASSIGN_VARIABLE":
                _note_assigned(found, _named(names, inputs[0]), inputs[1])
    return found


def state_notes(data: bytes) -> list[str]:
    """A sentence for each variable of a ``.tflite`` file, which says where its state goes."""
    with valid_file():
        model = open_model(data)
        found, first = find_variables(model), _first_values(model)
        notes = []
        for name, tensor in found.read.items():
            note = f"state {show(name)} is the input {show(model.tensors.name(tensor))}"
            if name in found.assigned:
                next_one = model.tensors.name(found.assigned[name])
                note += f", and for the next run the output {show(next_one)}"
            notes.append(f"{note}; {_described(first.get(name))}")
        return notes


def _described(first: np.ndarray | None) -> str:
    if first is None:
        return "the model gives no first value"
    if np.all(first == first.flat[0]):
        return f"its first value is {first.flat[0]} throughout"
    return f"its first values go from {first.min()} to {first.max()}"


def _note_read(found: Variables, name: str, tensor: int) -> None:
    if name in found.read or name in found.assigned:
        raise UnsupportedError(f"variable {show(name)} is read again; once, before it is assigned")
    found.read[name] = tensor


def _note_assigned(found: Variables, name: str, tensor: int) -> None:
    if name in found.assigned:
        raise UnsupportedError(f"variable {show(name)} is assigned twice; once is accepted")
    found.assigned[name] = tensor


def _named(names: dict[int, str], tensor: int) -> str:
    if tensor not in names:
        raise UnsupportedError("a variable without a VAR_HANDLE before it; one is accepted")
    return names[tensor]


def _shared_name(table: Table) -> str:
    options = table.table(OperatorSlot.OPTIONS)
    return "" if options is None else options.string(_SHARED_NAME)


def _first_values(model: ModelFile) -> dict[str, np.ndarray]:
    """The constants that the subgraphs of CALL_ONCE assign to variables."""
    values: dict[str, np.ndarray] = {}
    for subgraph in _called_once(model):
        found = find_variables(subgraph)
        for name, tensor in found.assigned.items():
            data = subgraph.tensors.tensor(tensor).data
            if data is not None:
                values[name] = data
    return values


def _called_once(model: ModelFile) -> Iterator[ModelFile]:
    for builtin, table in zip(model.builtins, model.operators, strict=True):
        options = table.table(OperatorSlot.OPTIONS)
        if builtin == "CALL_ONCE" and options is not None:
            yield model.other(int(options.scalar(_INIT_SUBGRAPH, "i")))
