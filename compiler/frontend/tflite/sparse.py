"""Sparse constants: the values of a tensor whose zeros are left out.

Format: ``SparsityParameters`` of the schema. The axes of the dense array, and of blocks in it, come
in an order of their own; each is dense or has, as in compressed rows, the places that are there.
"""

from __future__ import annotations

import math

import numpy as np

from compiler.errors import InputError
from compiler.frontend.tflite.flatbuf import Table

_TRAVERSAL, _BLOCKS, _AXES = 0, 1, 2
_FORMAT, _SIZE, _SEGMENTS_KIND, _SEGMENTS, _INDICES_KIND, _INDICES = range(6)
_KINDS = {1: "i4", 2: "u2", 3: "u1"}


def dense(sparsity: Table, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array of ``shape`` whose values that are there are ``values``, in their order.

    Raises InputError where the tables contradict each other.
    """
    order = sparsity.vector(_TRAVERSAL, "i4").astype(np.int64)
    blocks = sparsity.vector(_BLOCKS, "i4").astype(np.int64)
    axes = [sparsity.entry(_AXES, i) for i in range(sparsity.count(_AXES))]
    rank = len(shape)
    whole = sorted(order.tolist()) == list(range(rank + blocks.size)) and len(axes) == order.size
    if not whole or np.any((blocks < 0) | (blocks >= rank)):
        raise InputError(f"sparse axes {order.tolist()} and blocks {blocks.tolist()} do not fit")
    places, before = np.zeros((1, 0), np.int64), np.zeros(1, np.int64)
    limit = math.prod(shape)
    for axis in axes:
        rows, own, before = _next_axis(axis, before, limit)
        places = np.column_stack([places[rows], own])
    target = np.zeros((len(places), rank), np.int64)
    for column, axis_number in enumerate(order.tolist()):
        if axis_number < rank:
            target[:, axis_number] += places[:, column]
        else:
            of = int(blocks[axis_number - rank])
            size = int(axes[column].scalar(_SIZE, "i"))
            target[:, of] = target[:, of] * size + places[:, column]
    if len(target) != values.size or np.any((target < 0) | (target >= shape)):
        raise InputError(f"{values.size} sparse values at {len(target)} places of {list(shape)}")
    made = np.zeros(shape, values.dtype)
    made[tuple(target.T)] = values.reshape(-1)
    return made


def _next_axis(
    axis: Table, before: np.ndarray, limit: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of the next axis for each one so far, at ``before`` of the last axis: the number of
    the place so far, the index along the axis, and the place in the axis's own count."""
    if axis.scalar(_FORMAT, "b") == 0:
        size = int(axis.scalar(_SIZE, "i"))
        _check_count(len(before) * size, limit)
        rows = np.arange(len(before)).repeat(size)
        own = np.tile(np.arange(size), len(before))
        return rows, own, before[rows] * size + own
    segments, indices = (
        _integers(axis, kind, slot)
        for kind, slot in ((_SEGMENTS_KIND, _SEGMENTS), (_INDICES_KIND, _INDICES))
    )
    if before.size and before.max() + 1 >= segments.size:
        raise InputError(f"{segments.size} sparse segments for {int(before.max()) + 1} places")
    counts = segments[before + 1] - segments[before]
    if np.any(counts < 0) or (segments.size and segments.max() > indices.size):
        raise InputError(f"sparse segments of {indices.size} indices that do not follow each other")
    _check_count(int(counts.sum()), limit)
    rows = np.arange(len(before)).repeat(counts)
    begin = (segments[before] - (np.cumsum(counts) - counts))[rows]
    place = begin + np.arange(len(rows))
    return rows, indices[place], place


def _check_count(count: int, limit: int) -> None:
    if not 0 <= count <= limit:
        raise InputError(f"{count} sparse values of a tensor of {limit}")


def _integers(axis: Table, kind: int, slot: int) -> np.ndarray:
    table, code = axis.table(slot), int(axis.scalar(kind, "B"))
    if table is None or code not in _KINDS:
        raise InputError("a sparse axis without its segments or indices")
    return table.vector(0, _KINDS[code]).astype(np.int64)
