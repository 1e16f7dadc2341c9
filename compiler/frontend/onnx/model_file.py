"""An ONNX file as a checked model with known shapes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper

from compiler.errors import InputError, UnsupportedError, show

#: Oldest version of the operator set that is read.
MIN_OPSET = 11

#: Domains of ONNX's own operators.
DOMAINS = ("", "ai.onnx")

#: Largest file of weights next to a model, in bytes.
MAX_EXTERNAL = 1 << 31

_EXTERNAL = onnx.TensorProto.EXTERNAL


def parse_onnx(data: bytes, folder: Path) -> onnx.ModelProto:
    """The model in the bytes of an ``.onnx`` file, as ``check_onnx`` leaves it.

    Raises InputError and UnsupportedError as that does.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise InputError("not a valid ONNX model: no protocol buffer of the ONNX schema") from None
    return check_onnx(model, folder)


def check_onnx(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """The model, which is changed, checked by ``onnx.checker``, with batch 1.

    Weights in another file are read from ``folder``. Every tensor that shape inference can tell has
    its shape in ``graph.value_info``. Raises InputError for an invalid model, UnsupportedError for
    one that uses what is not handled.
    """
    _check_parts(model)
    _check_types(model)
    _load_external(model, folder)
    _fix_batch(model)
    try:
        onnx.checker.check_model(model)
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as fault:
        raise InputError(f"not a valid ONNX model: {_line(fault)}") from None
    except (RuntimeError, TypeError, ValueError) as fault:
        raise InputError(f"not a valid ONNX model: {_line(fault)}") from None


def opset(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that the model uses."""
    return next((o.version for o in model.opset_import if o.domain in DOMAINS), 0)


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
    text = " ".join(str(fault).split())
    return text if len(text) <= 300 else text[:297] + "..."


def _check_parts(model: onnx.ModelProto) -> None:
    if not model.HasField("graph") or not model.graph.node:
        raise InputError("not a valid ONNX model: no graph with nodes")
    if not model.graph.output:
        raise InputError("no outputs; at least one is accepted")
    latest = onnx.defs.onnx_opset_version()
    if not MIN_OPSET <= opset(model) <= latest:
        raise UnsupportedError(f"opset {opset(model)}; {MIN_OPSET} to {latest} are accepted")
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
                f"constant {show(tensor.name)} lies in {show(location)}; a file beside the model "
                "is accepted"
            )
        if not path.exists():
            raise InputError(
                f"constant {show(tensor.name)} lies in {show(location)}, which is not there; a "
                "file beside the model is accepted"
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


def _fix_batch(model: onnx.ModelProto) -> None:
    """An open batch becomes 1; the shapes that follow from it are left to inference."""
    constants = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name in constants or not value.type.HasField("tensor_type"):
            continue
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if axis == 0 and not dim.HasField("dim_value"):
                dim.dim_value = 1
            if not dim.HasField("dim_value") or dim.dim_value < 1:
                raise UnsupportedError(
                    f"input {show(value.name)}: axis {axis} is {show(dim.dim_param or '?')}; a "
                    "fixed size is accepted (the batch may be open, and is 1)"
                )
    del model.graph.value_info[:]
