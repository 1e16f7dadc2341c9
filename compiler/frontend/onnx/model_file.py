"""An ONNX file as a checked model with known shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx.labels import name_nodes, without_numbers
from compiler.frontend.onnx.normalise import normalise
from compiler.frontend.onnx.references import refer
from compiler.frontend.onnx.weights_aside import with_weights_aside

Shapes = Mapping[str, tuple[int, ...]]
"""Sizes of inputs by name, for the axes that a model leaves open."""

NO_SHAPES: Shapes = MappingProxyType({})

#: Largest file of weights next to a model, in bytes.
MAX_EXTERNAL = 1 << 31

#: What ONNX's checker and inference raise.
_FAULTS = (
    onnx.checker.ValidationError,
    onnx.shape_inference.InferenceError,
    RuntimeError,
    TypeError,
    ValueError,
)

_EXTERNAL = onnx.TensorProto.EXTERNAL

#: First version of the file format in which a constant is no input too.
_LISTED_APART = 4

#: Batch, channels, height and width.
_RANK_OF_MAPS = 4


def parse_onnx(data: bytes, folder: Path, shapes: Shapes = NO_SHAPES) -> onnx.ModelProto:
    """The model in the bytes of an ``.onnx`` file, as ``check_onnx`` leaves it.

    Raises InputError and UnsupportedError as that does.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise InputError("not a valid ONNX model: no protocol buffer of the ONNX schema") from None
    del data  # as large as the model, and the caller's no more
    return check_onnx(model, folder, shapes)


def check_onnx(model: onnx.ModelProto, folder: Path, shapes: Shapes = NO_SHAPES) -> onnx.ModelProto:
    """The model, which is used up, checked by ``onnx.checker`` and in the reader's own form.

    Weights in another file are read from ``folder``; open sizes of inputs come from ``shapes``, and
    an open batch is 1. Every tensor that shape inference can tell has its shape in
    ``graph.value_info``. Raises InputError for an invalid model, UnsupportedError for one that uses
    what is not handled.
    """
    _check_parts(model)
    _check_types(model)
    _load_external(model, folder)
    refer(model)
    _inputs_without_constants(model)
    _fix_shapes(model, shapes)
    try:
        model = with_weights_aside(model, _checked)
    except _FAULTS as fault:
        raise InputError(f"not a valid ONNX model: {_line(fault)}") from None
    name_nodes(model)
    return inferred(normalise(model))


def inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, which is used up, with the shapes and types that follow from its inputs.

    Raises InputError where they contradict each other.
    """
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.ClearField("type")
    try:
        return with_weights_aside(model, _with_shapes)
    except _FAULTS as fault:
        raise InputError(f"not a valid ONNX model: {_line(fault)}") from None


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model itself, its outputs' shapes as good as given: inference finds them."""
    for value in model.graph.output:
        value.type.tensor_type.shape.SetInParent()
    onnx.checker.check_model(model)
    return model


def _check_types(model: onnx.ModelProto) -> None:
    """Raise InputError for an input or output of a type that ONNX does not have."""
    kinds = onnx.TensorProto.DataType.values()
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.tensor_type.elem_type
        if kind not in kinds:
            raise InputError(
                f"not a valid ONNX model: tensor {show(value.name)} has element type {kind}; "
                f"types up to {max(kinds)} are accepted"
            )


def _line(fault: Exception) -> str:
    text = " ".join(without_numbers(str(fault)).split())
    return text if len(text) <= 300 else text[:297] + "..."


def _check_parts(model: onnx.ModelProto) -> None:
    if not model.HasField("graph") or not model.graph.node:
        raise InputError("not a valid ONNX model: no graph with nodes")
    if not model.graph.output:
        raise InputError("no outputs; at least one is accepted")
    if model.functions:
        raise UnsupportedError(
            f"{len(model.functions)} functions of the model's own; ONNX operators are accepted"
        )
    if model.graph.sparse_initializer:
        raise UnsupportedError("sparse constants; dense ones are accepted")


def _load_external(model: onnx.ModelProto, folder: Path) -> None:
    """Read the constants that lie in files next to the model, and nowhere else."""
    external = [t for t in _constants(model.graph) if t.data_location == _EXTERNAL]
    for tensor in external:
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        path = folder / location
        if not location or PurePosixPath(location).name != location or "\\" in location:
            raise InputError(
                f"constant {show(tensor.name)} lies in {show(location)}; a file next to the model "
                "is accepted"
            )
        if not path.exists():
            raise InputError(
                f"constant {show(tensor.name)} lies in {show(location)}, which is not there; a "
                "file next to the model is accepted"
            )
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_EXTERNAL:
            raise InputError(
                f"constant {show(tensor.name)} lies in {show(location)}; a regular file of at most "
                f"{MAX_EXTERNAL} bytes is accepted"
            )
        try:
            external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        except (OSError, ValueError, onnx.checker.ValidationError) as fault:
            raise InputError(f"constant {show(tensor.name)}: {_line(fault)}") from None
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from ([attribute.t] if attribute.HasField("t") else attribute.tensors)


def _inputs_without_constants(model: onnx.ModelProto) -> None:
    """Inputs that have a value, which files of IR 3 list, are constants alone."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, _LISTED_APART)


def _fix_shapes(model: onnx.ModelProto, shapes: Shapes) -> None:
    """Open sizes become those of ``shapes``, and an open batch 1; what follows is inferred."""
    known = {value.name for value in model.graph.input}
    for name in shapes.keys() - known:
        raise InputError(f"a shape for {show(name)}; the inputs are {', '.join(sorted(known))}")
    for value in model.graph.input:
        if value.type.HasField("tensor_type"):
            _fix_shape(value.name, value.type.tensor_type.shape.dim, shapes.get(value.name))
    del model.graph.value_info[:]


def _fix_shape(
    name: str, dims: Sequence[onnx.TensorShapeProto.Dimension], given: tuple[int, ...] | None
) -> None:
    if given is not None and len(given) != len(dims):
        raise InputError(
            f"shape {list(given)} for input {show(name)}; {len(dims)} sizes are accepted"
        )
    for axis, dim in enumerate(dims):
        is_open = not dim.HasField("dim_value") or dim.dim_value < 1
        size = given[axis] if given is not None else 1 if axis == 0 else 0
        if is_open and not size:
            raise UnsupportedError(
                f"input {show(name)}: axis {axis} is {show(dim.dim_param or '?')}; a fixed size is "
                "accepted, in the file or by --shape (the batch may be open, and is 1)"
            )
        if is_open:
            dim.dim_value = size
        elif given is not None and dim.dim_value != size:
            raise InputError(
                f"size {size} of axis {axis} for input {show(name)}; {dim.dim_value}, which the "
                "file fixes, is accepted"
            )
    if len(dims) == _RANK_OF_MAPS and dims[0].dim_value != 1:
        raise UnsupportedError(
            f"input {show(name)}: a batch of {dims[0].dim_value}; 1, or an open one, is accepted"
        )
