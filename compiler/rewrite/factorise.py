"""Large kernels as small ones in a row, Szegedy et al., arXiv 1512.00567.

n x n becomes 1 x n and n x 1, by singular value decomposition. 5x5 becomes two 3x3 by alternating
least squares on the kernel that they amount to; three 3x3 for 7x7, and strides, which the paper
gives to the first of them, have no such form. The paper's activations between are left out: the
weights that are kept are those of a linear chain.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.rewrite.chain import (
    Chain,
    Moments,
    RefusedError,
    error_of,
    rank_of,
    regular,
    truncated,
)
from compiler.rewrite.layer import Layer

_SEED, _RIDGE = 0, 1e-12
_ROUNDS, _GAIN = 30, 1e-3
"""Rounds of least squares at most, and the share by which the error must fall in each."""


def takes_square(layer: Layer) -> bool:
    """Whether the layer is regular with a square kernel of odd size above one."""
    height, width = layer.kernel
    return layer.regular and height == width and height % 2 == 1 and height > 1


def takes_large(layer: Layer) -> bool:
    """Whether that size is above three."""
    return takes_square(layer) and layer.kernel[0] > 3


def one_by_n(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """A row of n taps, then a column; ``argument`` channels, or such a share of the outputs."""
    size = layer.kernel[0]
    middle = argument if isinstance(argument, int) else max(1, round(argument * layer.outputs))
    rank = rank_of(middle, size * min(layer.inputs, layer.outputs))
    rows, columns, variance = None, None, None
    if layer.values is not None:
        matrix = layer.values.transpose(0, 2, 1, 3).reshape(layer.outputs * size, -1)
        columns, rows, variance = truncated(matrix, rank)
    top, bottom, left, right = layer.padding
    first = Layer(
        f"{layer.name}/1x{size}",
        (rank, layer.inputs, 1, size),
        stride=(1, layer.stride[1]),
        dilation=(1, layer.dilation[1]),
        padding=(0, 0, left, right),
        values=None if rows is None else rows.reshape(rank, layer.inputs, 1, size),
    )
    last = replace(
        layer.renamed(f"{size}x1"),
        shape=(layer.outputs, rank, size, 1),
        stride=(layer.stride[0], 1),
        dilation=(layer.dilation[0], 1),
        padding=(top, bottom, 0, 0),
        values=None
        if columns is None
        else columns.reshape(layer.outputs, size, rank).swapaxes(1, 2)[:, :, :, None],
    )
    product = None
    if rows is not None and columns is not None:
        folded = (columns @ rows).reshape(layer.outputs, size, layer.inputs, size)
        product = folded.transpose(0, 2, 1, 3)
    return Chain((first, last), product, variance)


def three_by_three(layer: Layer, argument: int | float, data: Moments | None) -> Chain:
    """3x3 layers with the same field, ``argument`` channels between them."""
    sides = _sides(layer)
    count = (layer.kernel[0] - 1) // 2
    middle = argument if isinstance(argument, int) else max(1, round(argument * layer.outputs))
    widths = (layer.inputs, *[middle] * (count - 1), layer.outputs)
    chain = [
        Layer(
            f"{layer.name}/3x3_{i}",
            (widths[i], widths[i - 1], 3, 3),
            stride=layer.stride if i == 1 else (1, 1),
            dilation=layer.dilation,
            padding=sides,
        )
        for i in range(1, count + 1)
    ]
    chain[-1] = replace(chain[-1], biased=layer.biased, bias=layer.bias)
    if layer.values is None or count > 2 or layer.stride != (1, 1):
        return Chain(tuple(chain))
    first, last = _two(layer.values, middle)
    values = _composed(first, last)
    error = error_of(layer, values)
    layers = (replace(chain[0], values=first), replace(chain[1], values=last))
    return Chain(layers, values, None if error is None else 1 - error**2)


def _sides(layer: Layer) -> tuple[int, int, int, int]:
    """The padding of each 3x3 layer. Raises RefusedError for one that cannot be shared out."""
    rows, columns = layer.dilation
    reach = (layer.kernel[0] - 1) // 2
    if layer.padding == (rows * reach, rows * reach, columns * reach, columns * reach):
        return rows, rows, columns, columns
    if any(layer.padding):
        raise RefusedError(
            f"padding {list(layer.padding)}; none, or one that keeps the map's size, is accepted"
        )
    return layer.padding


def _two(values: np.ndarray, middle: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernels ``[middle, inputs, 3, 3]`` and ``[outputs, middle, 3, 3]`` that amount to nearly
    ``[outputs, inputs, 5, 5]``."""
    generator = np.random.default_rng(_SEED)
    first = generator.standard_normal((middle, values.shape[1], 3, 3))
    first /= 3 * values.shape[1] ** 0.5
    swapped = values.swapaxes(0, 1)
    last, error = _fitted(first, values), np.inf
    for _ in range(_ROUNDS):
        before, error = error, float(np.linalg.norm(values - _composed(first, last)))
        if error > (1 - _GAIN) * before or error < _GAIN * np.linalg.norm(values):
            break
        first = _fitted(last.swapaxes(0, 1), swapped).swapaxes(0, 1)
        last = _fitted(first, values)
    return first, last


def _fitted(first: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The kernels ``[outputs, middle, 3, 3]`` that with ``first`` come nearest to ``values``."""
    middle, inputs = first.shape[:2]
    shifts = np.zeros((middle, 3, 3, inputs, 5, 5))
    for y in range(3):
        for x in range(3):
            shifts[:, y, x, :, y : y + 3, x : x + 3] = first
    matrix = shifts.reshape(middle * 9, -1)
    wanted = values.reshape(len(values), -1)
    if len(matrix) > matrix.shape[1]:
        found = wanted @ np.linalg.solve(regular(matrix.T @ matrix, _RIDGE), matrix.T)
    else:
        found = np.linalg.solve(regular(matrix @ matrix.T, _RIDGE), matrix @ wanted.T).T
    return np.asarray(found).reshape(-1, middle, 3, 3)


def _composed(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The kernel ``[outputs, inputs, 5, 5]`` of one layer after the other."""
    whole = np.zeros((len(last), first.shape[1], 5, 5))
    for y in range(3):
        for x in range(3):
            part = np.einsum("om,mihw->oihw", last[:, :, y, x], first)
            whole[:, :, y : y + 3, x : x + 3] += part
    return whole
