"""Models to rewrite, and the files of the result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import onnx

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.model_json import write_model
from compiler.ir.graph import Graph
from compiler.load import float_model, load_model, read_file
from compiler.rewrite.bsconv import REGULARISER
from compiler.rewrite.change import Change
from compiler.whole_files import write_whole

_ACCEPTED = (
    "a float .onnx or .tflite model, a .json model without weights or a built-in network is "
    "accepted"
)


@dataclass(frozen=True)
class Source:
    """A model as its user names it: file or built-in network, calibration inputs, open sizes."""

    name: str
    calibration: Path | None
    shapes: Mapping[str, tuple[int, ...]]


def read(source: Source) -> onnx.ModelProto | Graph:
    """The float model in a file, or a graph whose weights are nobody's.

    Raises InputError and UnsupportedError as ``load_model`` does, and for a model whose weights
    are quantised.
    """
    from compiler import zoo

    if source.name in zoo.names():
        return zoo.build(source.name)
    path = Path(source.name)
    model = float_model(path, source.shapes)
    if model is not None:
        return model
    graph = load_model(path, None, source.shapes)
    if not graph.random_weights:
        raise UnsupportedError(f"{path}: the weights are quantised; {_ACCEPTED}")
    return graph


def check_output(path: Path, model: onnx.ModelProto | Graph, source: Path) -> None:
    """Raise InputError for a file of another format than the result's, and for the source."""
    suffix = ".json" if isinstance(model, Graph) else ".onnx"
    if path.suffix.lower() != suffix:
        raise InputError(f"-o {path}: suffix {path.suffix!r}; {suffix} is accepted for this model")
    if not path.parent.is_dir():
        raise InputError(f"-o {path}: no folder {path.parent}")
    if path.exists() and source.exists() and path.samefile(source):
        raise InputError(f"-o {path}: is the model itself; another file is accepted")


def with_open_sizes(model: onnx.ModelProto, source: Path) -> onnx.ModelProto:
    """A copy of the model in which inputs have the sizes that the file leaves open."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]
    if source.suffix.lower() == ".onnx":
        given = onnx.ModelProto.FromString(read_file(source))
        types = {value.name: value.type for value in given.graph.input}
        for value in copy.graph.input:
            value.type.tensor_type.shape.CopyFrom(types[value.name].tensor_type.shape)
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    whole = onnx.shape_inference.infer_shapes(copy)
    for value, known in zip(whole.graph.output, model.graph.output, strict=True):
        if not value.type.tensor_type.HasField("shape"):
            value.type.CopyFrom(known.type)
    return whole


def write(
    path: Path, model: onnx.ModelProto | Graph, source: Path, changes: Sequence[Change]
) -> list[Path]:
    """Write the model, and what its training needs beside it or nothing there; returns the files.

    Raises InputError where they cannot be written.
    """
    if isinstance(model, Graph):
        write_model(model, path)
        files: dict[Path, bytes] = {}
    else:
        files = {path: with_open_sizes(model, source).SerializeToString()}
    training = path.with_suffix(".training.json")
    orthonormal = [c.made[0] for c in changes if c.rule == "bsconv_s" and len(c.made) == 3]
    if orthonormal:
        notes = {"orthonormal": {"factor": REGULARISER, "layers": orthonormal}}
        files[training] = json.dumps(notes, indent=1).encode() + b"\n"
    try:
        write_whole({file: _writer(data) for file, data in files.items()})
        if not orthonormal:
            training.unlink(missing_ok=True)  # An earlier model's.
    except OSError as fault:
        raise InputError(f"{path}: cannot be written: {fault.strerror}") from None
    return [path, *(file for file in files if file != path)]


def _writer(data: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: file.write(data)
