"""Pad with negative sides, which crop."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun


class Pad(OpRun):
    """Padding of every mode; a negative side crops first."""

    op_domain = ""

    def _run(
        self, data: np.ndarray, pads: Any, value: Any = None, axes: Any = None, mode: str = ""
    ) -> tuple[np.ndarray]:
        places = range(data.ndim) if axes is None else [int(a) % data.ndim for a in axes]
        sides = np.zeros((data.ndim, 2), np.int64)
        for i, axis in enumerate(places):
            sides[axis] = pads[i], pads[len(places) + i]
        crop = np.minimum(sides, 0)
        whole = tuple(
            slice(int(-before), int(size + after))
            for (before, after), size in zip(crop, data.shape, strict=True)
        )
        grown = [(int(a), int(b)) for a, b in np.maximum(sides, 0)]
        if mode != "constant":
            # NumPy's types take literals alone, and the mode is read from the model.
            padded = np.pad(data[whole], grown, mode=mode)  # type: ignore[call-overload]
            return (padded,)
        number = np.zeros(1, data.dtype) if value is None else np.asarray(value).reshape(-1)
        return (np.pad(data[whole], grown, constant_values=number[0]),)
