"""Constants of layers: int8 weights and int32 biases from what DequantizeLinear makes real."""

from __future__ import annotations

import numpy as np

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Constant, QuantConstant
from compiler.frontend.onnx.views import channels_last
from compiler.ir.graph import Quant, Tensor

_INT32 = np.iinfo(np.int32)

#: Relative difference of scales up to which a stored bias is taken as it is.
_SAME_SCALE = 1e-6


def read_weights(imp: Importer, op: Operator, position: int, axis: int) -> QuantConstant:
    """The weights at an input with zero point 0; ``axis`` counts output channels.

    The steps are int8, or int16 where stored value - zero point goes beyond that. A channel of
    zeros has the scale of others. Raises UnsupportedError for weights that are not quantised, or
    otherwise.
    """
    value = imp.value(op, position)
    name = show(op.inputs[position])
    if isinstance(value, Constant):
        raise UnsupportedError(
            f"weights {name} are {value.array.dtype}; int8 or uint8 before a DequantizeLinear are "
            "accepted"
        )
    if not isinstance(value, QuantConstant):
        raise UnsupportedError(f"weights {name} are computed; a constant is accepted")
    dtype = str(value.steps.dtype)
    if dtype not in ("int8", "uint8"):
        raise UnsupportedError(f"weights {name} are {dtype}; int8 or uint8 is accepted")
    if value.axis not in (None, axis):
        raise UnsupportedError(
            f"weights {name} are quantised along axis {value.axis}; axis {axis} or one scale is "
            "accepted"
        )
    steps = value.centred
    if steps.min(initial=0) >= -128 and steps.max(initial=0) <= 127:
        steps = steps.astype(np.int8, copy=False)
    scale = _scale_of_zeros(steps, value.scale, axis)
    return QuantConstant(value.name, steps, scale, np.zeros_like(steps, shape=1), value.axis)


def _scale_of_zeros(steps: np.ndarray, scale: np.ndarray, axis: int) -> np.ndarray:
    """The scales, that of each channel of zeros replaced by the largest of the others, or 1."""
    others = tuple(a for a in range(steps.ndim) if a != axis)
    empty = ~steps.any(axis=others)
    if scale.size == 1 or not empty.any():
        return scale
    return np.where(empty, scale[~empty].max() if not empty.all() else 1.0, scale).astype(
        np.float32
    )


def within_int8(
    imp: Importer, x: str, steps: np.ndarray, groups: int = 1
) -> tuple[str, np.ndarray]:
    """An input and int8 weights ``[outputs, inputs / groups, ...]`` with the same sums of products.

    Weights of 9 bits are a sum of two of 8, 255 one of three: the input's channels are there as
    often.
    """
    if steps.dtype == np.int8:
        return x, steps
    parts, rest = [], steps
    while rest.any():
        parts.append(np.clip(rest, -128, 127))
        rest = rest - parts[-1]
    count = len(parts)
    weights = np.stack(parts, axis=2 if groups > 1 else 1).astype(np.int8)
    batch, height, width, channels = imp.tensors[x].shape
    view = channels_last((batch, count * channels, height, width))
    copies = imp.once("concatenation", (x,) * count, {}, view)
    if groups > 1:
        copies = imp.once("channel_shuffle", (copies,), {"groups": count}, view)
    return copies, weights.reshape(steps.shape[0], -1, *steps.shape[2:])


def weight_tensor(weights: QuantConstant, array: np.ndarray, axis: int) -> Tensor:
    """The tensor of ``array``, the steps of ``weights`` in the graph's layout."""
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    scale = tuple(float(s) for s in weights.scale)
    quant = Quant(scale, (0,) * len(scale), axis if len(scale) > 1 else None)
    return Tensor(weights.name, array.shape, "int8", quant, array)


def read_bias(
    imp: Importer, op: Operator, position: int, x: str, weights: QuantConstant, channels: int
) -> str | Tensor:
    """The bias at an input as int32 steps of input scale * weight scale; "" if there is none.

    Raises UnsupportedError when it is computed.
    """
    if not op.given(position):
        return ""
    value = imp.value(op, position)
    if not isinstance(value, Constant | QuantConstant):
        raise UnsupportedError(
            f"bias {show(op.inputs[position])} is computed; a constant is accepted"
        )
    return bias_tensor(imp, value, x, weights.scale, channels)


def bias_tensor(
    imp: Importer,
    value: Constant | QuantConstant,
    x: str,
    weight_scale: np.ndarray,
    channels: int,
) -> Tensor:
    """``value`` as the bias of a layer with input ``x``.

    Stored values of that very scale stay; others are rounded to it, ties to even. Raises
    InputError where 32 bits do not hold them.
    """
    product = imp.quant(x).scale[0] * weight_scale.astype(np.float64)
    scale = product.astype(np.float32)
    steps = _own_steps(value, scale)
    if steps is None:
        real = value.real if isinstance(value, QuantConstant) else value.array.astype(np.float64)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            steps = np.rint(_flat(real, channels) / product)
        if not np.all((steps >= _INT32.min) & (steps <= _INT32.max)):
            raise InputError(
                f"bias {show(value.name)} has {np.abs(real).max():.6g}, beyond int32 at scale "
                f"{scale.min():.6g} (input scale * weight scale); less is accepted"
            )
    data = _flat(np.asarray(steps), channels).astype(np.int32)
    data.setflags(write=False)
    scales = tuple(float(s) for s in scale)
    quant = Quant(scales, (0,) * len(scales), 0 if len(scales) > 1 else None)
    return Tensor(value.name, (channels,), "int32", quant, data)


def _own_steps(value: Constant | QuantConstant, scale: np.ndarray) -> np.ndarray | None:
    if not isinstance(value, QuantConstant) or value.steps.dtype != np.int32:
        return None
    if np.any(value.zero_point) or value.scale.size not in (1, scale.size):
        return None
    same = np.all(np.abs(value.scale - scale) <= _SAME_SCALE * scale)
    return value.steps if same else None


def _flat(array: np.ndarray, channels: int) -> np.ndarray:
    """One value per channel; a single one stands for all."""
    if array.size not in (1, channels):
        raise InputError(f"{array.size} values for {channels} channels; one each is accepted")
    return np.broadcast_to(array.reshape(-1), (channels,)).copy()
