"""Functions of stored values as tables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.ir.graph import Quant


def rounded_table(
    apply: Callable[[np.ndarray], np.ndarray], x_quant: Quant, quant: Quant
) -> np.ndarray:
    """The function at -128 to 127, divided by the scale, rounded to even (ONNX).

    It is computed in float64, from float32 and to float32, which is exact for one operation of
    arithmetic; the quotient is one of float32. Where it is not a number it is the zero point.
    """
    steps = np.arange(-128, 128, dtype=np.float64) - x_quant.zero_point[0]
    real = (steps * np.float32(x_quant.scale[0])).astype(np.float32)
    with np.errstate(all="ignore"):
        values = apply(real.astype(np.float64)).astype(np.float32)
        quotient = values / np.float32(quant.scale[0])
    rounded = (
        np.rint(np.nan_to_num(quotient, nan=0.0, posinf=np.inf, neginf=-np.inf)).astype(np.float64)
        + quant.zero_point[0]
    )
    table: np.ndarray = np.clip(rounded, -128, 127).astype(np.int8)
    table.setflags(write=False)
    return table
