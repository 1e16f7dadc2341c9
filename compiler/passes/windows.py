"""Pixels of a map that a window reads, and those that it meets, along one axis and in two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from compiler.ir.graph import Graph, Node
from compiler.passes.cells import every, extent
from golden.resize import ONE, bilinear_taps, nearest_indices


class Axis(NamedTuple):
    """Taps along an axis: pixel ``o * stride + k * dilation - before`` of ``size`` for tap k of
    output o; of a ``spread`` one, tap k of pixel i makes output ``i * stride + k - before``."""

    size: int
    outputs: int
    kernel: int
    stride: int
    dilation: int
    before: int
    spread: bool = False


def axes(graph: Graph, node: Node, kernel: Sequence[int]) -> tuple[Axis, Axis]:
    """Rows and columns of a node with a ``kernel``."""
    x, y = (extent(graph.tensors[n].shape) for n in (node.inputs[0], node.outputs[0]))
    stride, dilation = node.attrs["stride"], node.attrs.get("dilation", (1, 1))
    before, spread = node.attrs["padding"][::2], node.op == "transpose_conv2d"
    rows, columns = (
        Axis(x[i], y[i], kernel[i], stride[i], dilation[i], before[i], spread) for i in (0, 1)
    )
    return rows, columns


def links(axis: Axis) -> np.ndarray:
    """Whether output o reads pixel i, bool [size, outputs].

    Pixels between two windows, or beyond the last, count as read, as every published figure counts
    the layer that makes them.
    """
    found = np.zeros((axis.size, axis.outputs), bool)
    if axis.spread:
        pixels, outputs = _pairs(axis)
        found[pixels, outputs] = True
        return found
    for o, (start, end) in enumerate(zip(*_spans(axis), strict=True)):
        found[start:end, o] = True
    return found


def _spans(axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """The first pixel that each output reads, and the one after its last."""
    first = np.arange(axis.outputs) * axis.stride - axis.before
    ends = first + max((axis.kernel - 1) * axis.dilation + 1, axis.stride)
    first[0], ends[-1] = 0, axis.size
    starts = np.clip(first, 0, axis.size)
    return starts, np.clip(ends, starts, axis.size)


@lru_cache(4096)
def met(axis: Axis) -> np.ndarray:
    """Number of taps that meet a pixel, for each output, int64 [outputs]."""
    return np.bincount(_pairs(axis)[1], minlength=axis.outputs)


@lru_cache(4096)
def reached(axis: Axis) -> np.ndarray:
    """The pixels that any output reads, bool [size], as ``links`` counts them."""
    found = np.zeros(axis.size, bool)
    if axis.spread:
        found[_pairs(axis)[0]] = True
        return found
    starts, ends = _spans(axis)
    change = np.zeros(axis.size + 1, np.int64)
    np.add.at(change, starts, 1)
    np.add.at(change, ends, -1)
    covered: np.ndarray = np.cumsum(change[:-1]) > 0
    return covered


def read(axis: tuple[Axis, Axis], outputs: np.ndarray) -> np.ndarray:
    """The pixels that some of the outputs read, both bool of two dimensions."""
    rows, columns = axis
    if not any(outputs.strides):
        return _product(rows, columns)
    return between(links(rows), outputs, links(columns))


@lru_cache(4096)
def _product(rows: Axis, columns: Axis) -> np.ndarray:
    """The pixels that all outputs read."""
    found = reached(rows)[:, None] & reached(columns)
    return every(*found.shape) if found.all() else found


def between(rows: np.ndarray, outputs: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The pixels linked with some of the outputs by row and by column."""
    found = rows.astype(np.float32) @ outputs.astype(np.float32) @ columns.T.astype(np.float32)
    return found > 0


def resized(node: Node, size: int, outputs: int) -> np.ndarray:
    """Whether output o of a resize reads pixel i along an axis, bool [size, outputs]."""
    found, places = np.zeros((size, outputs), bool), np.arange(outputs)
    options = node.attrs["align_corners"], node.attrs["half_pixel_centers"]
    if node.attrs["mode"] == "nearest":
        found[nearest_indices(size, outputs, *options), places] = True
        return found
    first, second, weight = bilinear_taps(size, outputs, *options)
    found[first[weight != ONE], places[weight != ONE]] = True
    found[second[weight != 0], places[weight != 0]] = True
    return found


def _pairs(axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """Pixel and output of every tap that meets both."""
    from_, taps = axis.size if axis.spread else axis.outputs, np.arange(axis.kernel)
    places = np.arange(from_)[:, None]
    ends = places * axis.stride + taps * axis.dilation - axis.before
    inside = (ends >= 0) & (ends < (axis.outputs if axis.spread else axis.size))
    starts, ends = np.broadcast_to(places, ends.shape)[inside], ends[inside]
    return (starts, ends) if axis.spread else (ends, starts)
