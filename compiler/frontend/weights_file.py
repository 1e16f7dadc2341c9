"""The ``.npz`` that holds a model's constants: one array per tensor, named after it."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from compiler.errors import InputError, located, show
from compiler.ir.graph import Tensor

#: Room for the header of a ``.npy`` entry, in bytes.
_HEADER = 4096


def read_weights(path: Path, tensors: Iterable[Tensor]) -> dict[str, np.ndarray]:
    """The values of the given tensors by name, read-only.

    Raises InputError when the file is no ``.npz``, lacks a tensor, holds one that is not asked
    for, or when a type or shape differs from the tensor's. Never reads more than the tensors need.
    """
    with located(f"weights file {path.name}"):
        with _readable("not a readable .npz"):
            archive = zipfile.ZipFile(path)
        with archive:
            return _read_entries(archive, {t.name: t for t in tensors})


def write_weights(file: BinaryIO, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as an ``.npz``; equal arrays give equal bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(name + ".npy"), entry.getvalue())


def _read_entries(archive: zipfile.ZipFile, wanted: dict[str, Tensor]) -> dict[str, np.ndarray]:
    found = [entry.removesuffix(".npy") for entry in archive.namelist()]
    for i, name in enumerate(found):
        if name not in wanted:
            raise InputError(f"array {show(name)} is no constant of the model")
        if not archive.namelist()[i].endswith(".npy"):
            raise InputError(f"entry {show(name)} is no .npy array")
    if len(set(found)) != len(found):
        raise InputError("holds an array twice")
    missing = [name for name in wanted if name not in set(found)]
    if missing:
        raise InputError(f"array {show(missing[0])} is missing; one per constant is accepted")
    return {name: _read_entry(archive, tensor) for name, tensor in wanted.items()}


def _read_entry(archive: zipfile.ZipFile, tensor: Tensor) -> np.ndarray:
    where = f"array {show(tensor.name)}"
    info = archive.getinfo(tensor.name + ".npy")
    expected = math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
    if info.file_size > expected + _HEADER:
        raise InputError(
            f"{where} has {info.file_size} bytes; {expected} and a header are accepted for "
            f"{tensor.dtype} {list(tensor.shape)}"
        )
    with _readable(f"{where} cannot be read"):
        entry = io.BytesIO(archive.read(info))
        shape, dtype = _header(entry)
    if shape != tensor.shape or dtype.newbyteorder("=") != tensor.dtype:
        raise InputError(
            f"{where} is {dtype} {show(list(shape))}; "
            f"{tensor.dtype} {list(tensor.shape)} is accepted"
        )
    with _readable(f"{where} cannot be read"):
        entry.seek(0)
        values = np.lib.format.read_array(entry, allow_pickle=False)
    values = np.ascontiguousarray(values, np.dtype(tensor.dtype).newbyteorder("="))
    values.setflags(write=False)
    return values


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array in a ``.npy`` file."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        read = np.lib.format.read_array_header_1_0
    else:
        read = np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


@contextmanager
def _readable(message: str) -> Iterator[None]:
    """Make an InputError of what zipfile, its codecs and NumPy's reader raise on a faulty file.

    These have no base class of their own: tokenize.TokenError is one of many.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Exception as fault:
        raise InputError(f"{message}: {' '.join(str(fault).split())}") from None
