"""Arrays of a model's inputs and outputs: random ones, and files."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from compiler.errors import InputError, show
from compiler.whole_files import write_whole
from golden.declared import from_declared, in_declared_layout, to_declared
from golden.files import output_path, tensor_file_name
from golden.pictures import PIXELS, Preprocessing, is_picture, stored_input

TENSORS = "tensors.json"
"""File beside the tensors of a run, by name: their files, types, scales and zero points."""

#: Seed of the inputs that stand in for those not given.
DEFAULT_SEED = 0


def random_inputs(graph: Mapping[str, Any], seed: int) -> dict[str, np.ndarray]:
    """A random array for each graph input, by name, in its shape, over its type's whole range."""
    generator = np.random.default_rng(seed)
    inputs = {}
    for name in graph["inputs"]:
        tensor = graph["tensors"][name]
        limits = np.iinfo(tensor["dtype"])
        inputs[name] = generator.integers(
            limits.min, limits.max, tensor["shape"], tensor["dtype"], endpoint=True
        )
    return inputs


def given_inputs(
    graph: Mapping[str, Any], paths: Sequence[Path], how: Preprocessing = PIXELS
) -> dict[str, np.ndarray]:
    """Stored integers of every graph input, by name: from files as far as given, else random.

    ``how`` is the model's preprocessing of pictures. Raises InputError for a file that does not fit
    its input, and for a preprocessing without a picture.
    """
    names = graph["inputs"]
    if len(paths) > len(names):
        raise InputError(
            f"--input is given {len(paths)} times; the network has {len(names)} inputs"
        )
    if how != PIXELS and not any(map(is_picture, paths)):
        raise InputError("--mean, --std, --scale and --layout are for pictures; no --input is one")
    inputs = random_inputs(graph, DEFAULT_SEED)
    for name, path in zip(names, paths, strict=False):
        tensor = graph["tensors"][name]
        if is_picture(path):
            inputs[name] = stored_input(path, tensor, how)
        else:
            inputs[name] = read_input(path, name, tensor)
    return inputs


def read_input(path: Path, name: str, tensor: Mapping[str, Any]) -> np.ndarray:
    """The stored integers of the model input ``name`` from its declared form in ``path``.

    Raises InputError for a file that is no array, another shape, another integer type, or a number
    that is not finite.
    """
    try:
        # Mapped, a header cannot ask for more memory than the file has.
        with warnings.catch_warnings(action="ignore"):
            array = np.lib.format.open_memmap(path, mode="r")
    # What NumPy raises on a faulty header has no base class of its own.
    except Exception as error:
        reason = getattr(error, "strerror", None) or "not a .npy file"
        raise InputError(f"{path}: {reason}") from error
    try:
        return np.array(from_declared(array, tensor))
    except ValueError as error:
        raise InputError(f"{path}: {error} for input {show(name)}") from None


def result_files(
    graph: Mapping[str, Any],
    values: Mapping[str, np.ndarray],
    output: Path | None,
    folder: Path | None,
) -> dict[Path, np.ndarray | str]:
    """Results of a run, by file: outputs as declared, and all tensors in the model's layout, with
    their scales in TENSORS.

    ``values`` are stored integers. Raises InputError if two of them become the same file.
    """
    tensors = graph["tensors"]
    files: dict[Path, np.ndarray | str] = {}
    if output is not None:
        for index, name in enumerate(graph["outputs"]):
            files[output_path(output, index)] = to_declared(values[name], tensors[name])
    if folder is not None:
        moved = {n: in_declared_layout(array, tensors[n]) for n, array in values.items()}
        for path, array in tensor_files(folder, moved).items():
            if path in files:
                raise InputError(f"{path}: an output and a tensor have the same file name")
            files[path] = array
        files[folder / TENSORS] = json.dumps({n: _described(n, tensors[n]) for n in values})
    return files


def _described(name: str, tensor: Mapping[str, Any]) -> dict[str, Any]:
    """The file, type, scale and zero point of a tensor; the latter None where it has none."""
    found = {key: tensor[key] for key in ("scale", "zero_point")}
    lists = {k: None if v is None else np.asarray(v).tolist() for k, v in found.items()}
    return {"file": tensor_file_name(name), "dtype": tensor["dtype"], **lists}


def tensor_files(folder: Path, values: Mapping[str, np.ndarray]) -> dict[Path, np.ndarray]:
    """The arrays by file in ``folder``. Raises InputError if two names become the same file."""
    files: dict[Path, np.ndarray] = {}
    names: dict[Path, str] = {}
    for name, array in values.items():
        path = folder / tensor_file_name(name)
        if path in names:
            raise InputError(
                f"{path}: tensors {show(names[path])} and {show(name)} have the same file name"
            )
        names[path] = name
        files[path] = array
    return files


def write_arrays(files: Mapping[Path, np.ndarray | str], folder: Path | None) -> None:
    """Write every file, array or text, or none.

    ``folder`` is made where missing. Raises InputError for a file that cannot be written.
    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        write_whole({path: partial(_write, content) for path, content in files.items()})
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from error


def _write(content: np.ndarray | str, file: BinaryIO) -> None:
    if isinstance(content, str):
        file.write(content.encode())
    else:
        np.save(file, content)
