"""Inputs to calibrate with: from files, or seeded random ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx

from compiler.errors import InputError, UnsupportedError, located, show

#: Random inputs of a model that is quantised without real ones, and their seed.
RANDOM_COUNT = 4
_SEED = 0

Sample = dict[str, np.ndarray]


def read_samples(model: onnx.ModelProto, path: Path | None) -> list[Sample]:
    """The samples of ``path``, each an array by the name of its input.

    A ``.npy`` file holds one input, or several along its first axis, as the model declares them
    (float, batch 1); a folder holds such files. Without ``path`` the values are random, with mean 0
    and variance 1. Raises InputError.
    """
    shapes = _input_shapes(model)
    if path is None:
        return list(_random(shapes))
    if len(shapes) != 1:
        raise UnsupportedError(
            f"calibration inputs for a model of {len(shapes)} inputs; one is accepted"
        )
    ((name, shape),) = shapes.items()
    samples = []
    for file in _files(path):
        with located(f"calibration {file}"):
            samples += [{name: array[None]} for array in _read(file, shape)]
    return samples


def _input_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    constants = {tensor.name for tensor in model.graph.initializer}
    shapes = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        kind = value.type.tensor_type.elem_type
        if kind != onnx.TensorProto.FLOAT:
            raise UnsupportedError(
                f"input {show(value.name)}: type {onnx.TensorProto.DataType.Name(kind)}; FLOAT is "
                "accepted for a model to be quantised"
            )
        shapes[value.name] = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
    return shapes


def _random(shapes: dict[str, tuple[int, ...]]) -> Iterator[Sample]:
    generator = np.random.default_rng(_SEED)
    for _ in range(RANDOM_COUNT):
        yield {n: generator.standard_normal(s).astype(np.float32) for n, s in shapes.items()}


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.npy"))
    if not files:
        raise InputError(f"calibration {path}: no .npy file; one or more are accepted")
    return files


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The inputs along the first axis, float32."""
    try:
        # Mapped, a header cannot ask for more memory than the file has.
        with warnings.catch_warnings(action="ignore"):
            array = np.lib.format.open_memmap(path, mode="r")
    # What NumPy raises on a faulty header has no base class of its own.
    except Exception as fault:
        raise InputError(getattr(fault, "strerror", None) or "not a .npy file") from None
    if array.dtype.kind != "f":
        raise InputError(f"type {array.dtype}; one float array is accepted")
    if array.ndim != len(shape) or array.shape[1:] != shape[1:] or not array.size:
        raise InputError(
            f"shape {list(array.shape)}; [N, {', '.join(map(str, shape[1:]))}] is accepted"
        )
    if not np.isfinite(array).all():
        raise InputError("holds values that are not finite; finite ones are accepted")
    return np.array(array, np.float32)
