"""Softmax and LogSoftmax before operator set 13: over all axes from one on, together."""

from __future__ import annotations

import math

import numpy as np
from onnx.reference.op_run import OpRun


def _rows(x: np.ndarray, axis: int | None) -> np.ndarray:
    axis = 1 if axis is None else axis
    return x.reshape(math.prod(x.shape[: axis % x.ndim]), -1)


class Softmax(OpRun):
    """Exponentials divided by their sum."""

    op_domain = ""

    def _run(self, x: np.ndarray, axis: int | None = None) -> tuple[np.ndarray]:
        rows = _rows(x, axis)
        powers = np.exp(rows - rows.max(axis=1, keepdims=True))
        return ((powers / powers.sum(axis=1, keepdims=True)).reshape(x.shape),)


class LogSoftmax(OpRun):
    """Its logarithm."""

    op_domain = ""

    def _run(self, x: np.ndarray, axis: int | None = None) -> tuple[np.ndarray]:
        rows = _rows(x, axis)
        moved = rows - rows.max(axis=1, keepdims=True)
        return ((moved - np.log(np.exp(moved).sum(axis=1, keepdims=True))).reshape(x.shape),)
