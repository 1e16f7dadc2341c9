"""Choosing the reader of a model file."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from compiler.errors import InputError, UnsupportedError, located, one_line, show
from compiler.notes import note, step

if TYPE_CHECKING:
    from onnx import ModelProto

    from compiler.frontend.onnx import Shapes
    from compiler.ir.graph import Graph

FORMATS = ".json, .onnx and .tflite"

_BUILT_IN = "names of built-in networks are accepted too: `zoo` lists them"
_CALIBRATED = "a float .onnx or .tflite one is accepted"

#: Largest model file, in bytes.
MAX_FILE = 1 << 31


def load_model(
    model: ModelProto | os.PathLike[str] | str,
    calibration: Path | str | None = None,
    shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> Graph:
    """The verified, quantised graph of a model file, chosen by its suffix, or of an ONNX model.

    A float ``.onnx`` or ``.tflite`` model is quantised with the inputs in ``calibration``, a
    ``.npy`` file or a folder of them, or else with seeded random ones. ``shapes`` has the sizes of
    inputs that an ``.onnx`` model leaves open. Raises InputError for a file
    that cannot be read or is no valid model, UnsupportedError for another format or a model that
    uses what is not handled. Messages begin with the path, or the name of the model's graph.

    >>> from tempfile import TemporaryDirectory
    >>> from compiler import load_model, zoo
    >>> from compiler.frontend import write_model
    >>> net = zoo.build("mobilenet_v1_025")
    >>> with TemporaryDirectory() as folder:
    ...     graph = load_model(write_model(net, f"{folder}/net.json"))
    >>> graph.random_weights, len(graph.nodes) == len(net.nodes)
    (True, True)
    """
    calibration = None if calibration is None else Path(calibration)
    if not isinstance(model, (str, os.PathLike)):
        return _load_proto(model, calibration, shapes)
    path = Path(model)
    with located(path):
        suffix = path.suffix.lower()
        if suffix not in (".json", ".onnx", ".tflite"):
            hint = "" if suffix else f"; {_BUILT_IN}"
            raise UnsupportedError(
                f"format {suffix or 'without suffix'!r}; accepted: {FORMATS}{hint}"
            )
        name = path.stem.encode("utf-8", "replace").decode()
        if suffix == ".onnx":
            return _load_onnx(path, name, calibration, shapes)
        data = read_file(path)
        if shapes:
            raise InputError(f"shapes for a {suffix} model; they are accepted for .onnx ones")
        if suffix == ".tflite":
            from compiler.frontend.tflite import state_notes

            graph = _load_tflite(data, name, calibration)
            for text in state_notes(data):
                note(one_line(f"{path}: {text}"))
            return graph
        if calibration is not None:
            raise InputError(f"calibration {calibration} for a {suffix} model; {_CALIBRATED}")
        from compiler.frontend.model_json import read_model

        return read_model(data, path.parent)


def load_network(
    name: str,
    calibration: Path | None = None,
    shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({}),
) -> Graph:
    """The graph of a built-in network, without weights, or else of a model file.

    Raises InputError and UnsupportedError as ``load_model`` does.
    """
    from compiler import zoo

    if name not in zoo.names():
        return load_model(name, calibration, shapes)
    with located(name):
        if calibration is not None or shapes:
            raise InputError("--calibrate and --shape are accepted for model files")
        return zoo.build(name)


def load_given(arguments: argparse.Namespace) -> Graph:
    """The graph that a command line names with the options of ``add_model_options``."""
    with step(f"loading {arguments.model}"):
        return load_network(str(arguments.model), arguments.calibrate, dict(arguments.shape))


def float_model(
    path: Path, shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({})
) -> ModelProto | None:
    """The ONNX form of a float ``.onnx`` or ``.tflite`` model in a file; None for any other.

    ``shapes`` and errors are as for ``load_model``.
    """
    suffix = path.suffix.lower()
    if suffix not in (".onnx", ".tflite"):
        return None
    from compiler.frontend.onnx import is_quantised, parse_onnx

    with located(path):
        if suffix == ".onnx":
            model = parse_onnx(read_file(path), path.parent, shapes)
            return None if is_quantised(model) else model
        from compiler.frontend.tflite import is_float

        data = read_file(path)
        if not is_float(data):
            return None
        from compiler.frontend.tflite_float import to_onnx

        return to_onnx(data)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --calibrate, the inputs that a float model is quantised with, and --shape."""
    parser.add_argument(
        "--calibrate",
        metavar="PATH",
        type=Path,
        help="inputs for a float .onnx or .tflite model: a .npy file or a folder of them",
    )
    parser.add_argument(
        "--shape",
        metavar="NAME=SIZES",
        type=_shape,
        action="append",
        default=[],
        help="sizes of an input that an .onnx model leaves open, as in x=1,3,64,64",
    )


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    if not name or not re.fullmatch(r"[1-9]\d{0,8}(,[1-9]\d{0,8})*", sizes, re.ASCII):
        raise argparse.ArgumentTypeError(f"{show(text)}; NAME=1,3,64,64 is accepted")
    return name, tuple(int(size) for size in sizes.split(","))


def _load_onnx(path: Path, name: str, calibration: Path | None, shapes: Shapes) -> Graph:
    # Imported when needed: onnxruntime takes longer to load than most models.
    from compiler.frontend.onnx import parse_onnx, references

    with references():
        return _graph_of(parse_onnx(read_file(path), path.parent, shapes), name, calibration)


def _load_proto(model: ModelProto, calibration: Path | None, shapes: Shapes) -> Graph:
    from onnx import ModelProto

    from compiler.frontend.onnx import check_onnx, references

    if not isinstance(model, ModelProto):
        raise TypeError(
            f"model of type {type(model).__name__}; a path or an onnx.ModelProto is accepted"
        )
    copy = ModelProto()
    copy.CopyFrom(model)
    name = model.graph.name or "model"
    with located(name), references():
        return _graph_of(check_onnx(copy, Path(), shapes), name, calibration)


def _graph_of(model: ModelProto, name: str, calibration: Path | None) -> Graph:
    from compiler.frontend.onnx import is_quantised, read_onnx
    from compiler.quantize import fill_gaps, has_gaps, quantize, with_host_nodes

    if is_quantised(model):
        model = with_host_nodes(model)
    if is_quantised(model) and not has_gaps(model):
        _refuse_calibration(calibration)
        return read_onnx(model, name)
    fill = fill_gaps if is_quantised(model) else quantize
    graph = read_onnx(fill(model, calibration), name)
    graph.random_calibration = calibration is None
    return graph


def _load_tflite(data: bytes, name: str, calibration: Path | None) -> Graph:
    from compiler.frontend.tflite import is_float, read_tflite

    if not is_float(data):
        _refuse_calibration(calibration)
        return read_tflite(data, name)
    from compiler.frontend.onnx import references
    from compiler.frontend.tflite_float import to_onnx

    with references():
        return _graph_of(to_onnx(data), name, calibration)


def _refuse_calibration(calibration: Path | None) -> None:
    if calibration is not None:
        raise InputError(f"calibration {calibration} for a quantised model; {_CALIBRATED}")


def read_file(path: Path) -> bytes:
    """The bytes of a model file. Raises InputError."""
    try:
        if not path.exists():
            raise InputError("no such file")
        if not path.is_file():
            raise InputError("not a regular file; a model file is accepted")
        if path.stat().st_size > MAX_FILE:
            raise InputError(f"{path.stat().st_size} bytes; at most {MAX_FILE} are accepted")
        data = path.read_bytes()
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read: {getattr(fault, 'strerror', None) or fault}") from None
    if not data:
        raise InputError("the file is empty; a model is accepted")
    return data
