"""Inputs to calibrate with: from files, or seeded random ones."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from compiler.errors import InputError, UnsupportedError, located, show

#: Random inputs of a model that is quantised without real ones, and their seed.
RANDOM_COUNT = 4
_SEED = 0

Sample = dict[str, np.ndarray]

_TYPES: dict[int, type[np.generic]] = {
    onnx.TensorProto.FLOAT: np.float32,
    onnx.TensorProto.INT8: np.int8,
    onnx.TensorProto.UINT8: np.uint8,
}


@dataclass(frozen=True)
class _Input:
    """An input as the model declares it; the batch comes first."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def read_samples(model: onnx.ModelProto, path: Path | None) -> list[Sample]:
    """The samples of ``path``, each an array by the name of its input.

    A ``.npy`` file holds one input, or several along its first axis, as the model declares them; a
    folder holds such files. For several inputs of the model it is a ``.npz`` file with an array for
    each, by name, or a folder with a file NAME.npy for each. Without ``path`` the values are
    random, with mean 0 and variance 1, or any integer. Raises InputError.
    """
    inputs = _inputs(model)
    if path is None:
        return list(_random(inputs))
    if len(inputs) > 1:
        return _paired(path, inputs)
    ((name, each),) = inputs.items()
    samples = []
    for file in _files(path):
        with located(f"calibration {file}"):
            samples += [{name: array[None]} for array in _checked(_read(file), each)]
    return samples


def _inputs(model: onnx.ModelProto) -> dict[str, _Input]:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        kind = value.type.tensor_type.elem_type
        if kind not in _TYPES:
            raise UnsupportedError(
                f"input {show(value.name)}: type {onnx.TensorProto.DataType.Name(kind)}; FLOAT, "
                "INT8 or UINT8 is accepted for a model to be quantised"
            )
        shape = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        inputs[value.name] = _Input(shape, np.dtype(_TYPES[kind]))
    return inputs


def _paired(path: Path, inputs: Mapping[str, _Input]) -> list[Sample]:
    """The samples of several inputs, as many for each."""
    names = {name: re.sub(r"[^A-Za-z0-9_.-]", "_", name) for name in inputs}
    if path.is_dir():
        arrays = {}
        for name, file in names.items():
            with located(f"calibration {path / file}.npy"):
                arrays[name] = _checked(_read(path / f"{file}.npy"), inputs[name])
    elif path.suffix == ".npz":
        with located(f"calibration {path}"):
            arrays = _read_npz(path, inputs)
    else:
        raise InputError(
            f"calibration {path} for a model of {len(inputs)} inputs; a .npz with arrays "
            f"{', '.join(map(show, inputs))}, or a folder with a .npy of each name, is accepted"
        )
    counts = {len(array) for array in arrays.values()}
    if len(counts) > 1:
        found = {name: len(array) for name, array in arrays.items()}
        raise InputError(f"calibration {path}: {show(found)} samples; as many for each is accepted")
    return [{n: array[i][None] for n, array in arrays.items()} for i in range(counts.pop())]


def _read_npz(path: Path, inputs: Mapping[str, _Input]) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as file:
            found = {name: file[name] for name in inputs if name in file}
    # What NumPy and zipfile raise on a faulty file has no base class of its own.
    except Exception as fault:
        raise InputError(getattr(fault, "strerror", None) or "not a .npz file") from None
    for name in inputs.keys() - found.keys():
        raise InputError(f"no array {show(name)}; one for each input is accepted")
    return {name: _checked(array, inputs[name]) for name, array in found.items()}


def _random(inputs: Mapping[str, _Input]) -> Iterator[Sample]:
    generator = np.random.default_rng(_SEED)
    for _ in range(RANDOM_COUNT):
        sample = {}
        for name, each in inputs.items():
            if each.dtype.kind == "f":
                sample[name] = generator.standard_normal(each.shape).astype(np.float32)
            else:
                limits = np.iinfo(each.dtype)
                sample[name] = generator.integers(
                    limits.min, limits.max, each.shape, each.dtype, endpoint=True
                )
        yield sample


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.npy"))
    if not files:
        raise InputError(f"calibration {path}: no .npy file; one or more are accepted")
    return files


def _read(path: Path) -> np.ndarray:
    try:
        # Mapped, a header cannot ask for more memory than the file has.
        with warnings.catch_warnings(action="ignore"):
            return np.lib.format.open_memmap(path, mode="r")
    # What NumPy raises on a faulty header has no base class of its own.
    except Exception as fault:
        raise InputError(getattr(fault, "strerror", None) or "not a .npy file") from None


def _checked(array: np.ndarray, each: _Input) -> np.ndarray:
    """The inputs along the first axis, in the type of the model's input."""
    shape, real = each.shape, each.dtype.kind == "f"
    if array.dtype.kind != "f" if real else array.dtype not in (each.dtype, np.float32):
        accepted = "one float array" if real else f"{each.dtype}, or float32 with its values,"
        raise InputError(f"type {array.dtype}; {accepted} is accepted")
    if array.ndim != len(shape) or array.shape[1:] != shape[1:] or not array.size:
        raise InputError(
            f"shape {list(array.shape)}; [N, {', '.join(map(str, shape[1:]))}] is accepted"
        )
    if not np.isfinite(array).all():
        raise InputError("holds values that are not finite; finite ones are accepted")
    if not real and array.dtype == np.float32:
        array = np.rint(array)
        limits = np.iinfo(each.dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise InputError(
                f"values from {array.min():g} to {array.max():g}; those of {each.dtype} are "
                "accepted"
            )
    return np.array(array, each.dtype)
