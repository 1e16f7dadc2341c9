"""ONNX models as people have them in the form that the reader knows, without a change of a value.

Each pass takes a checked model, whose shapes are not inferred yet, and rewrites one kind.
"""

from __future__ import annotations

from collections.abc import Callable

import onnx

from compiler.frontend.onnx.normalise.casts import plain_casts
from compiler.frontend.onnx.normalise.ends import distinct_outputs
from compiler.frontend.onnx.normalise.floats import in_float32
from compiler.frontend.onnx.normalise.fused import FUSED, apart
from compiler.frontend.onnx.normalise.groups import written_out
from compiler.frontend.onnx.normalise.opsets import to_readable_opset
from compiler.frontend.onnx.normalise.pads import padded_maxima
from compiler.frontend.onnx.normalise.products import plain_products
from compiler.frontend.onnx.normalise.qoperator import EXPANSIONS, from_qoperator
from compiler.frontend.onnx.normalise.stored import real_moves
from compiler.frontend.onnx.normalise.widths import eight_bits

PASSES: tuple[Callable[[onnx.ModelProto], onnx.ModelProto], ...] = (
    in_float32,
    to_readable_opset,
    plain_casts,
    from_qoperator,
    apart,
    eight_bits,
    real_moves,
    written_out,
    padded_maxima,
    plain_products,
    distinct_outputs,
)
"""In the order in which they run."""

REWRITTEN = frozenset((*EXPANSIONS, *FUSED))
"""Operators that the passes replace, of ONNX and of com.microsoft."""


def normalise(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, which is used up, after all passes. Raises UnsupportedError."""
    for each in PASSES:
        model = each(model)
    return model
