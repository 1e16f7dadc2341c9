"""Large biases that saturate a layer's output, reduced as far as no result changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.errors import InputError, show
from compiler.frontend.onnx.importer import Importer
from compiler.ir.graph import Quant, Tensor
from compiler.ir.ops import WEIGHT_AXIS

#: Largest |stored value - zero point| of an activation.
_STEPS = 255

#: Steps of the output that a bias at the end of int32 may lose to make room for the products.
_LOST = 0.01


def saturated(
    op: str, inputs: tuple[str | Tensor, ...], imp: Importer, output: Quant
) -> tuple[str | Tensor, ...]:
    """The inputs of a layer, its bias as small as gives the same output, steps of ``output``.

    A requantiser that multiplies by 1 or more shifts the accumulator to the left first, in 32 bits
    (TFLite, MultiplyByQuantizedMultiplier): a bias for "never" or "always", such as -1e9 in a mask,
    would be lost there. Raises InputError where the products themselves would.
    """
    if op not in WEIGHT_AXIS:
        return inputs
    weights, bias = inputs[1], inputs[2]
    assert isinstance(weights, Tensor) and weights.quant is not None
    assert weights.data is not None
    stored = bias.data if isinstance(bias, Tensor) else np.zeros(1, np.int32)
    assert stored is not None
    axis = WEIGHT_AXIS[op]
    others = tuple(i for i in range(weights.data.ndim) if i != axis)
    # The magnitude of -128 is -128 in int8, and 128 in the same bits of uint8.
    magnitudes = np.abs(weights.data).view(np.uint8)
    products = _STEPS * magnitudes.sum(axis=others, dtype=np.int64)
    assert isinstance(inputs[0], str)
    factor = imp.quant(inputs[0]).scale[0] * np.asarray(weights.quant.scale) / output.scale[0]
    if not np.all((factor > 0) & np.isfinite(factor)):
        return inputs
    limit = np.minimum(products + np.ceil((_STEPS + 1) / factor), np.abs(stored))
    room = 2.0 ** (31 - np.maximum(np.frexp(factor)[1], 0)) - 1 - products
    if np.any((limit - room) * factor > _LOST):
        raise InputError(
            f"output scale {output.scale[0]:.6g} of the layer with weights {show(weights.name)}: "
            f"its sums have up to {((products + limit) * factor).max():.3g} steps of that; fewer "
            "than 2**30 are accepted"
        )
    if not isinstance(bias, Tensor):
        return inputs
    limit = np.minimum(limit, room)
    data = np.clip(stored, -limit, limit).astype(np.int32)
    data.setflags(write=False)
    return (*inputs[:2], replace(bias, data=data))
