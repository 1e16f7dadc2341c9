"""Operators that move values along any axes and change none.

Sources: TFLite ``reference/strided_slice.h``, ``reference/gather.h``, ``concatenation.h``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from golden.elementwise import quantize
from golden.quant import QParams


def strided_slice(
    x: np.ndarray, begin: Sequence[int], size: Sequence[int], step: Sequence[int]
) -> np.ndarray:
    """``size`` values of each axis from ``begin`` on, ``step`` apart; steps may be negative.

    Raises ValueError where they leave ``x``.
    """
    for axis, (first, count, apart) in enumerate(zip(begin, size, step, strict=True)):
        places = first + apart * np.arange(count)
        if places.min() < 0 or places.max() >= x.shape[axis]:
            raise ValueError(f"{count} values from {first} by {apart} of {x.shape[axis]}")
        x = np.take(x, places, axis)
    return x


def take(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    """The slices of ``x`` along ``axis`` that ``indices`` names, one after another."""
    return np.take(x, indices, axis)


def join(
    arrays: Sequence[np.ndarray], quants: Sequence[QParams], y_quant: QParams, axis: int
) -> np.ndarray:
    """The arrays one after another along ``axis``, each as ``quantize`` makes it.

    TFLite accepts equal scales and zero points only, which leave the values as they are.
    """
    moved = [quantize(x, quant, y_quant) for x, quant in zip(arrays, quants, strict=True)]
    return np.concatenate(moved, axis=axis)
