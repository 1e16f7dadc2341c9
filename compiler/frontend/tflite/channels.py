"""Conversion of the TFLite operators that take ranges of channels: splits and slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite.operator import Operator
from compiler.ir.graph import Node, Tensor


def split(op: Operator) -> list[Node]:
    """SPLIT into parts of one size: a slice for each output that is read."""
    x, parts = op.input(1), len(op.outputs)
    _check_axis(op, 0, x)
    if x.shape[-1] % parts:
        raise InputError(f"{parts} parts of {x.shape[-1]} channels; equal ones are accepted")
    return _slices(op, x, [x.shape[-1] // parts] * parts)


def split_v(op: Operator) -> list[Node]:
    """SPLIT_V into parts of the sizes given, of which one may be -1, the rest."""
    x = op.input(0)
    _check_axis(op, 2, x)
    sizes = op.integers(1, "sizes")
    rest = x.shape[-1] - sizes[sizes != -1].sum()
    found = np.where(sizes == -1, rest, sizes)
    fits = sizes.ndim == 1 and len(sizes) == len(op.outputs) and found.sum() == x.shape[-1]
    if not fits or found.min() < 1:
        raise InputError(
            f"sizes {sizes.tolist()}; {len(op.outputs)} sizes of at least 1 that sum to the "
            f"{x.shape[-1]} channels are accepted"
        )
    return _slices(op, x, found.tolist())


def channel_slice(op: Operator) -> Node:
    """SLICE of a range of channels."""
    x = op.input(0)
    begin, size = (_per_axis(op, i, what, x) for i, what in ((1, "begin"), (2, "size")))
    shape = np.array(x.shape)
    end = np.where(size == -1, shape, begin + size)
    if np.any((begin < 0) | (end > shape) | (begin >= end)):
        raise InputError(
            f"begin {begin.tolist()} and size {size.tolist()}; parts of x {list(x.shape)} are "
            "accepted"
        )
    return _range(op, x, begin, end)


def strided_slice(op: Operator) -> Node:
    """STRIDED_SLICE of a range of channels with stride 1 that keeps all axes."""
    x = op.input(0)
    for field in ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "offset"):
        if op.options[field]:
            raise UnsupportedError(f"{field} {int(op.options[field])}; 0 is accepted")
    strides = _per_axis(op, 3, "strides", x)
    if np.any(strides != 1):
        raise UnsupportedError(f"strides {strides.tolist()}; 1 is accepted")
    limits = []
    for position, what, open_end in (
        (1, "begin", np.zeros(len(x.shape), int)),
        (2, "end", np.array(x.shape)),
    ):
        values = _per_axis(op, position, what, x)
        values = np.where(values < 0, values + np.array(x.shape), values)
        masked = op.options[f"{what}_mask"] >> np.arange(len(x.shape)) & 1
        limits.append(np.where(masked, open_end, np.clip(values, 0, x.shape)))
    begin, end = limits
    if np.any(begin >= end):
        raise InputError(
            f"begin {begin.tolist()} and end {end.tolist()} of x {list(x.shape)} "
            "leave nothing; at least one value is accepted"
        )
    return _range(op, x, begin, end)


def _range(op: Operator, x: Tensor, begin: np.ndarray, end: np.ndarray) -> Node:
    whole = np.all((begin == 0) & (end == x.shape) | (np.arange(len(x.shape)) == begin.size - 1))
    if not whole:
        raise UnsupportedError(
            f"takes {begin.tolist()} to {end.tolist()} of x {list(x.shape)}; a range of channels "
            "and all of the other axes are accepted"
        )
    return op.node("slice", (x.name,), begin=int(begin[-1]), size=int(end[-1] - begin[-1]))


def _slices(op: Operator, x: Tensor, sizes: Sequence[int]) -> list[Node]:
    if op.options["num_splits"] != len(sizes):
        raise InputError(
            f"num_splits {op.options['num_splits']}; {len(sizes)}, as many as there "
            "are outputs, is accepted"
        )
    nodes, begin = [], 0
    for index, size in zip(op.outputs, sizes, strict=True):
        if index != -1:
            name = op.tensors.tensor(index).name
            attrs = {"begin": begin, "size": int(size)}
            nodes.append(Node(name, "slice", (x.name,), (name,), attrs))
        begin += int(size)
    return nodes


def _per_axis(op: Operator, position: int, what: str, x: Tensor) -> np.ndarray:
    """A constant of one value for each axis of ``x``."""
    values = op.integers(position, what)
    if values.shape != (len(x.shape),):
        raise InputError(f"{what} of shape {list(values.shape)}; [{len(x.shape)}] is accepted")
    return values


def _check_axis(op: Operator, position: int, x: Tensor) -> None:
    axis, last = op.integers(position, "axis").reshape(-1).tolist(), len(x.shape) - 1
    if axis not in ([-1], [last]):
        found = ", ".join(map(str, axis))
        raise UnsupportedError(f"axis {found}; the last one, {last}, is accepted")
