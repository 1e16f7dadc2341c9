"""A float TFLite file as a float ONNX model."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper

from compiler.errors import InputError, UnsupportedError, located, show
from compiler.frontend.onnx import parse_onnx
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.model_file import (
    ModelFile,
    open_model,
    read_options,
    refuse_special,
    valid_file,
)
from compiler.frontend.tflite.schema import OperatorSlot, SubgraphSlot
from compiler.frontend.tflite_float.onnx_builder import (
    OPSET,
    TO_FIRST,
    Twin,
)
from compiler.frontend.tflite_float.operator import Operator
from compiler.frontend.tflite_float.operators import CONVERTERS

#: Version of ONNX's file format; every onnxruntime that knows the operator set reads it.
_FORMAT = 8


def to_onnx(data: bytes) -> onnx.ModelProto:
    """The model as ``parse_onnx`` gives it, inputs and outputs as the file declares them.

    Tensors keep their names; ``twin.py`` says which names are new. Raises InputError for a file
    that is no valid model, UnsupportedError for a model that uses what is not handled.
    """
    with valid_file():
        model = open_model(data)
        twin = Twin(model.tensors, model.indices(SubgraphSlot.OUTPUTS))
        for index in model.indices(SubgraphSlot.INPUTS):
            twin.add_input(index)
        for index, (builtin, table) in enumerate(zip(model.builtins, model.operators, strict=True)):
            _convert(twin, builtin, table, index)
        made = parse_onnx(_onnx(twin).SerializeToString(), Path())
        _check_shapes(model, twin, made)
    return made


def _convert(twin: Twin, builtin: str, table: Table, index: int) -> None:
    if builtin not in CONVERTERS:
        raise UnsupportedError(
            f"operator {index}: {builtin} is not handled in a float model; "
            f"accepted: {', '.join(CONVERTERS)}"
        )
    converter = CONVERTERS[builtin]
    with located(f"operator {index} ({builtin})"):
        inputs = table.vector(OperatorSlot.INPUTS, "i4")
        outputs = table.vector(OperatorSlot.OUTPUTS, "i4")
        if not converter.fewest <= inputs.size <= converter.most:
            raise InputError(
                f"{inputs.size} inputs; {converter.fewest} to {converter.most} are accepted"
            )
        if outputs.size != 1:
            raise InputError(f"{outputs.size} outputs; 1 is accepted")
        refuse_special(table)
        options = read_options(table, builtin)
        output = int(outputs[0])
        if twin.is_made(output):
            name = twin.tensors.name(output)
            raise InputError(f"output {show(name)} is another operator's too, or an input")
        converter.convert(Operator(builtin, tuple(map(int, inputs)), output, options, twin))


def _onnx(twin: Twin) -> onnx.ModelProto:
    outputs = twin.close()
    graph = helper.make_graph(twin.nodes, "tflite", twin.inputs, outputs, twin.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_FORMAT)


def _check_shapes(model: ModelFile, twin: Twin, made: onnx.ModelProto) -> None:
    """The shapes that follow from the operators are those of the file, and none is empty."""
    found = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*made.graph.value_info, *made.graph.output)
    }
    for index in twin.activations():
        shape = model.tensors.shape(index)
        first = tuple(shape[axis] for axis in TO_FIRST) if len(shape) == 4 else shape
        if not all(shape):
            raise InputError(
                f"tensor {show(model.tensors.name(index))} has shape {list(shape)}; sizes of at "
                "least 1 are accepted"
            )
        follows = found.get(twin.activation(index), first)
        if follows != first:
            raise InputError(
                f"tensor {show(model.tensors.name(index))} has shape {list(shape)}, which is "
                f"{list(first)} channels first; its operator makes {list(follows)}"
            )
