"""``compiler quantize``: a float ONNX model with the quantisers that ``map`` would give it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.errors import InputError, UnsupportedError, located
from compiler.load import add_model_options, read_file
from compiler.whole_files import write_file

if TYPE_CHECKING:
    from onnx import ModelProto

    from compiler.frontend.onnx import Shapes


def add_quantize_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler quantize``."""
    command.add_argument("model", metavar="MODEL.onnx", type=Path, help="float model")
    command.add_argument("-o", dest="file", metavar="INT8.onnx", type=Path, required=True)
    add_model_options(command)
    command.set_defaults(command=_quantize)


def _quantize(arguments: argparse.Namespace) -> None:
    if arguments.calibrate is None:
        raise InputError("quantize needs --calibrate: a .npy file or a folder of them")
    write_quantised(arguments.model, arguments.calibrate, dict(arguments.shape), arguments.file)


def write_quantised(path: Path, calibration: Path, shapes: Shapes, file: Path) -> None:
    """Write the model in ``path`` as int8 with QuantizeLinear and DequantizeLinear.

    Its graph is that of ``load_model`` with the same arguments. Raises InputError and
    UnsupportedError, and leaves no part of a file.
    """
    with located(path):
        if path.suffix.lower() != ".onnx":
            raise UnsupportedError(f"format {path.suffix or 'without suffix'!r}; accepted: .onnx")
        model = _quantised(path, calibration, shapes)
    write_file(file, model.SerializeToString())


def _quantised(path: Path, calibration: Path, shapes: Shapes) -> ModelProto:
    # Imported when needed: onnxruntime takes longer to load than most models.
    from compiler.frontend.onnx import is_quantised, parse_onnx, references
    from compiler.frontend.onnx.references import whole
    from compiler.quantize import fill_gaps, has_gaps, quantize, with_host_nodes

    with references():
        model = parse_onnx(read_file(path), path.parent, shapes)
        if not is_quantised(model):
            return whole(quantize(model, calibration))
        model = with_host_nodes(model)
        if has_gaps(model):
            return whole(fill_gaps(model, calibration))
    raise InputError("the model is quantised; a float one, or one with gaps, is accepted")
