"""PRelu with a slope for each channel: the values above 0, plus those below times the slopes.

One of the two is 0 everywhere, so that each result is rounded once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.errors import UnsupportedError
from compiler.frontend.onnx.affine import affine
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.tables import rounded_table
from compiler.frontend.onnx.values import Pending, Real
from compiler.ir.graph import Quant, Tensor

SLOPED = "prelu"
"""Operator of a result that waits for its QuantizeLinear; the graph has several in its place."""

#: Largest quotient of scales and slopes: products stay inside 32 bits.
_MOST = 1 << 12


def sloped(imp: Importer, x: Real, axis: int, slopes: np.ndarray) -> Pending:
    """``x`` where it is at least 0, else times the slope of its index along ``axis``.

    Raises UnsupportedError where that axis is not the innermost of memory.
    """
    tensor, view = imp.channels_at(x, axis)
    attrs = {"slopes": slopes.astype(np.float64).reshape(-1), "axis": axis}
    return Pending(SLOPED, (tensor,), attrs, imp.tensors[tensor].shape, view)


def store_sloped(imp: Importer, x: Pending, quant: Quant, name: str) -> str:
    """The tensor ``name`` of the values with the parameters ``quant``.

    Raises UnsupportedError for bounds behind it, and for slopes or steps out of proportion.
    """
    (tensor,) = x.inputs
    assert isinstance(tensor, str)
    own, slopes = imp.quant(tensor), x.attrs["slopes"]
    finer = own.scale[0] / quant.scale[0] * max(1.0, float(np.abs(slopes).max()))
    if (x.low, x.high) != (-np.inf, np.inf) or not finer < _MOST:
        raise UnsupportedError(
            f"slopes and steps {finer:.4g} times as fine, bounds {x.low:g} and {x.high:g}; less "
            f"than {_MOST} times, and no bounds, are accepted"
        )

    def part(text: str, apply: Callable[[np.ndarray], np.ndarray], to: Quant) -> str:
        output = f"{name}/{text}"
        table = Tensor(f"{output}/table", (256,), "int8", data=rounded_table(apply, own, to))
        label = f"{x.label or name}/{text}"
        return imp.emit("lookup", (tensor, table), {}, output, to, x.view, label=label)

    below = part("below", lambda v: np.minimum(v, 0), own)
    above = part("above", lambda v: np.maximum(v, 0), quant)
    axis, zeros = x.attrs["axis"], np.zeros_like(slopes)
    product = affine(imp, Real(below, x.view), axis, slopes, zeros, f"{name}/slopes")
    inputs, output = product.inputs, f"{name}/sloped"
    made = imp.emit(product.op, inputs, product.attrs, output, quant, x.view, label=x.label)
    attrs = {"activation": "none"}
    return imp.emit(
        "add", (made, above), attrs, name, quant, x.view, label=f"{x.label or name}/add"
    )
