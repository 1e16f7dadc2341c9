"""Conversion of the TFLite operators that take parts: splits and slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.tflite.operator import Operator
from compiler.ir.graph import Node, Tensor


def split(op: Operator) -> list[Node]:
    """SPLIT into parts of one size: a slice for each output that is read."""
    x, parts = op.input(1), len(op.outputs)
    axis = _axis(op, 0, x)
    if x.shape[axis] % parts:
        raise InputError(f"{parts} parts of {x.shape[axis]} values; equal ones are accepted")
    return _parts(op, x, axis, [x.shape[axis] // parts] * parts)


def split_v(op: Operator) -> list[Node]:
    """SPLIT_V into parts of the sizes given, of which one may be -1, the rest."""
    x = op.input(0)
    axis = _axis(op, 2, x)
    sizes = op.integers(1, "sizes")
    rest = x.shape[axis] - sizes[sizes != -1].sum()
    found = np.where(sizes == -1, rest, sizes)
    fits = sizes.ndim == 1 and len(sizes) == len(op.outputs) and found.sum() == x.shape[axis]
    if not fits or found.min() < 1:
        raise InputError(
            f"sizes {sizes.tolist()}; {len(op.outputs)} sizes of at least 1 that sum to the "
            f"{x.shape[axis]} values of the axis are accepted"
        )
    return _parts(op, x, axis, found.tolist())


def unpack(op: Operator) -> list[Node]:
    """UNPACK: the slices along an axis, which they lack."""
    x = op.input(0)
    axis = op.axis(x, op.options["axis"])
    if op.options["num"] != len(op.outputs) or x.shape[axis] != len(op.outputs):
        raise InputError(
            f"num {op.options['num']} of {x.shape[axis]} slices; {len(op.outputs)}, as many as "
            "there are outputs, is accepted"
        )
    nodes = []
    for place, index in enumerate(op.outputs):
        if index != -1:
            y = op.tensors.tensor(index)
            shape = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
            made = op.tensors.invent(f"{y.name}/slice", x, shape)
            nodes.append(_range(x, made.name, axis, place, 1))
            nodes.append(Node(y.name, "reshape", (made.name,), (y.name,), {"shape": y.shape}))
    return nodes


def part(op: Operator) -> list[Node]:
    """SLICE: a range of each axis."""
    x = op.input(0)
    lead = op.lead(x)
    shape = np.array(x.shape[lead:])
    begin, size = (_per_axis(op, i, what, len(shape)) for i, what in ((1, "begin"), (2, "size")))
    end = np.where(size == -1, shape, begin + size)
    if np.any((begin < 0) | (end > shape) | (begin >= end)):
        raise InputError(
            f"begin {begin.tolist()} and size {size.tolist()}; parts of x {shape.tolist()} are "
            "accepted"
        )
    ranges = [(int(b), int(e - b), 1) for b, e in zip(begin, end, strict=True)]
    return _sliced(op, x, [*_whole(x.shape[:lead]), *ranges])


def strided_slice(op: Operator) -> list[Node]:
    """STRIDED_SLICE: a range of each axis with any step; axes may be dropped or added."""
    x = op.input(0)
    if op.options["offset"]:
        raise UnsupportedError("offset 1; 0 is accepted")
    count = op.integers(1, "begin").size
    parts = [_per_axis(op, i, w, count) for i, w in ((1, "begin"), (2, "end"), (3, "strides"))]
    lead = op.lead(x)
    ranges = _ranges(op, x.shape[lead:], list(zip(*(p.tolist() for p in parts), strict=True)))
    return _sliced(op, x, [*_whole(x.shape[:lead]), *ranges])


Range = tuple[int, int, int]


def _ranges(op: Operator, shape: tuple[int, ...], parts: list[tuple[int, int, int]]) -> list[Range]:
    """First place, number and step for each axis of ``shape``."""
    flags = {key: op.options[f"{key}_mask"] for key in _MASKS}
    found: list[Range] = []
    for place, (begin, end, step) in enumerate(parts):
        here = {key for key, mask in flags.items() if mask >> place & 1}
        if "ellipsis" in here:
            later = sum(not flags["new_axis"] >> p & 1 for p in range(place + 1, len(parts)))
            found += _whole(shape[len(found) : len(shape) - later])
        elif "new_axis" not in here:
            if len(found) == len(shape):
                raise InputError(f"more limits than the {len(shape)} axes of x")
            found.append(_limits(shape[len(found)], begin, end, step, here))
    return [*found, *_whole(shape[len(found) :])]


_MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")


def _limits(size: int, begin: int, end: int, step: int, masks: set[str]) -> Range:
    if step == 0:
        raise InputError("strides hold 0; other numbers are accepted")
    if "shrink_axis" in masks:
        places = range(begin + size * (begin < 0), begin + size * (begin < 0) + 1)
    else:
        places = range(size)[
            slice(
                None if "begin" in masks else begin,
                None if "end" in masks else end,
                step,
            )
        ]
    if not places or not 0 <= places[0] < size:
        raise InputError(
            f"begin {begin} and end {end} of {size} leave nothing; at least one value is accepted"
        )
    return places[0], len(places), step if len(places) > 1 else 1


def _whole(shape: tuple[int, ...]) -> list[Range]:
    return [(0, size, 1) for size in shape]


def _sliced(op: Operator, x: Tensor, ranges: list[Range]) -> list[Node]:
    """The ranges of ``x``, in the shape of the output."""
    y = op.output()
    shape = tuple(count for _, count, _ in ranges)
    if shape == y.shape:
        return [_taken(x, y.name, ranges)]
    made = op.tensors.invent(f"{y.name}/slice", x, shape)
    return [_taken(x, made.name, ranges), op.reshaped(made)]


def _taken(x: Tensor, name: str, ranges: list[Range]) -> Node:
    """The slice named after its result: of channels alone one that the array takes."""
    begin, size, step = zip(*ranges, strict=True)
    inside = size[:-1] == x.shape[:-1] and all(s == 1 for s in step)
    if inside:
        return Node(name, "slice", (x.name,), (name,), {"begin": begin[-1], "size": size[-1]})
    attrs = {"begin": begin, "size": size, "step": step}
    return Node(name, "strided_slice", (x.name,), (name,), attrs)


def _parts(op: Operator, x: Tensor, axis: int, sizes: Sequence[int]) -> list[Node]:
    if op.options["num_splits"] != len(sizes):
        raise InputError(
            f"num_splits {op.options['num_splits']}; {len(sizes)}, as many as there "
            "are outputs, is accepted"
        )
    nodes, begin = [], 0
    for index, size in zip(op.outputs, sizes, strict=True):
        if index != -1:
            nodes.append(_range(x, op.tensors.tensor(index).name, axis, begin, int(size)))
        begin += int(size)
    return nodes


def _range(x: Tensor, name: str, axis: int, begin: int, size: int) -> Node:
    ranges = _whole(x.shape)
    ranges[axis] = (begin, size, 1)
    return _taken(x, name, ranges)


def _per_axis(op: Operator, position: int, what: str, count: int) -> np.ndarray:
    """A constant of one value for each of ``count`` axes."""
    values = op.integers(position, what)
    if values.shape != (count,):
        raise InputError(f"{what} of shape {list(values.shape)}; [{count}] is accepted")
    return values


def _axis(op: Operator, position: int, x: Tensor) -> int:
    found = op.integers(position, "axis").reshape(-1).tolist()
    if len(found) != 1:
        raise InputError(f"axis {found}; one number is accepted")
    return op.axis(x, found[0])
