"""A float TFLite file as a float ONNX model."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper

from compiler.errors import CompilerError, InputError, UnsupportedError, show
from compiler.frontend.onnx import parse_onnx
from compiler.frontend.tflite.faults import Faults
from compiler.frontend.tflite.flatbuf import Table
from compiler.frontend.tflite.folding import fold
from compiler.frontend.tflite.model_file import (
    ModelFile,
    open_model,
    read_options,
    read_transpose_conv_bias,
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
from compiler.frontend.tflite_float.operators import CONVERTERS, SEVERAL, TRANSPOSE_CONV_BIAS

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
        faults = Faults()
        for index, (builtin, table) in enumerate(zip(model.builtins, model.operators, strict=True)):
            if not fold(table, builtin, model.tensors):
                with faults.of(index, builtin, table, model.tensors):
                    _convert(twin, builtin, table)
        faults.raise_all()
        made = parse_onnx(_onnx(twin).SerializeToString(), Path())
        _check_shapes(model, twin, made)
    return made


def _convert(twin: Twin, builtin: str, table: Table) -> None:
    try:
        _add(twin, builtin, table)
    except CompilerError:
        # So that what reads the output is no fault of its own.
        twin.note_failed(table.vector(OperatorSlot.OUTPUTS, "i4").tolist())
        raise


def _add(twin: Twin, builtin: str, table: Table) -> None:
    if builtin not in CONVERTERS:
        raise UnsupportedError("not handled in a float model; docs/supported_ops.md lists what is")
    converter = CONVERTERS[builtin]
    inputs = table.vector(OperatorSlot.INPUTS, "i4")
    outputs = table.vector(OperatorSlot.OUTPUTS, "i4")
    if not converter.fewest <= inputs.size <= converter.most:
        raise InputError(
            f"{inputs.size} inputs; {converter.fewest} to {converter.most} are accepted"
        )
    if outputs.size != 1 and (builtin not in SEVERAL or not outputs.size):
        raise InputError(f"{outputs.size} outputs; 1 is accepted")
    custom = builtin == TRANSPOSE_CONV_BIAS
    refuse_special(table, custom)
    options = read_transpose_conv_bias(table) if custom else read_options(table, builtin)
    for place, output in enumerate(map(int, outputs)):
        if twin.is_made(output):
            name = twin.tensors.name(output)
            raise InputError(f"output {show(name)} is another operator's too, or an input")
        twin.begin(output)
        op = Operator(
            builtin, tuple(map(int, inputs)), output, options, twin, place, int(outputs.size)
        )
        converter.convert(op)


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
