"""``gain * x + offset`` per channel, as a depthwise convolution of one tap."""

from __future__ import annotations

import numpy as np

from compiler.errors import InputError, show
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Pending, Real
from compiler.frontend.onnx.windows import ONE_TAP
from compiler.ir.graph import Quant, Tensor

#: Largest int8 weight; the scale of each channel makes it the gain.
_STEPS = 127

#: A bias of at most this many steps leaves room for the products.
_MAX_BIAS = 2.0**30


def affine(
    imp: Importer, x: Real, axis: int, gain: np.ndarray, offset: np.ndarray, name: str
) -> Pending:
    """The layer over the model's ``axis``; ``gain`` and ``offset`` have one value per channel.

    Each weight is 127 or -127 with a scale of its own, so that the gain is what float32 holds of
    it. It has fewer steps where the offset, in steps of the product's scale, needs the range.
    """
    if not (np.isfinite(gain).all() and np.isfinite(offset).all()):
        raise InputError(f"constant {show(name)} is not finite; finite values are accepted")
    tensor, view = imp.channels_at(x, axis)
    x_scale = imp.quant(tensor).scale[0]
    tiny = np.finfo(np.float32).tiny / min(x_scale, 1.0)
    least = np.maximum(np.abs(offset) / (x_scale * _MAX_BIAS), tiny)
    scale = np.maximum(np.abs(gain) / _STEPS, least).astype(np.float32)
    product = x_scale * scale.astype(np.float64)
    steps = np.rint(gain / scale).astype(np.int8)
    bias = np.rint(offset / product).astype(np.int32)
    scales, channels = tuple(map(float, scale)), gain.size
    zeros, along = (0,) * channels, 3 if channels > 1 else None
    weights = Tensor(
        f"{name}/weights",
        (1, 1, 1, channels),
        "int8",
        Quant(scales, zeros, along),
        steps.reshape(1, 1, 1, channels),
    )
    bias_quant = Quant(tuple(map(float, product.astype(np.float32))), zeros, along and 0)
    biases = Tensor(f"{name}/bias", (channels,), "int32", bias_quant, bias)
    attrs = {**ONE_TAP, "depth_multiplier": 1, "activation": "none"}
    return imp.pending("depthwise_conv2d", (tensor, weights, biases), attrs, view)


def batch_normalization(imp: Importer, op: Operator) -> Pending:
    """The trained form: ``(x - mean) / sqrt(variance + epsilon) * scale + bias`` per channel."""
    op.ignore("momentum")
    op.expect("training_mode", 0, 0)
    scale, bias, mean, variance = (
        imp.constant(op, i).astype(np.float64).reshape(-1) for i in (1, 2, 3, 4)
    )
    gain = scale / np.sqrt(variance + op.attribute("epsilon", 1e-5))
    x = imp.real(op)
    return affine(imp, x, 1, gain, bias - mean * gain, op.inputs[1])
