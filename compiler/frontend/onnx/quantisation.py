"""QuantizeLinear and DequantizeLinear: where real values become tensors of the graph, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from compiler.errors import InputError, UnsupportedError, show
from compiler.frontend.onnx.host import as_hosted, store_hosted
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.requantise_outputs import (
    store,
    unsigned,
)
from compiler.frontend.onnx.values import (
    Constant,
    Hosted,
    Input,
    QuantConstant,
    Real,
    Refused,
    Stored,
    Value,
)
from compiler.ir.graph import Quant

_ACTIVATIONS = ("int8", "uint8")


def quantize_linear(imp: Importer, op: Operator) -> Value:
    """A constant is quantised here; an activation becomes a tensor of the graph."""
    _check_attributes(op, "output_dtype", "saturate", "precision")
    x = imp.value(op, 0)
    if isinstance(x, Stored | QuantConstant):
        raise UnsupportedError(f"input {show(op.inputs[0])} is quantised; real values are accepted")
    if isinstance(x, Constant):
        return _quantize_constant(imp, op, x)
    quant, dtype = _activation_quant(imp, op, None)
    if isinstance(x, Input):
        return replace(store(imp, x, quant, op.output), dtype=dtype)
    if not isinstance(x, Hosted):
        assert not isinstance(x, Refused), "value() raises"
        try:
            return replace(store(imp, x, quant, op.output), dtype=dtype)
        except UnsupportedError as fault:
            x = as_hosted(imp, op.inputs[0], str(fault))
    return replace(store_hosted(imp, x, quant, op.output), dtype=dtype)


def dequantize_linear(imp: Importer, op: Operator) -> Value:
    """The real values of a tensor, which must have been stored with the same parameters."""
    _check_attributes(op, "output_dtype")
    x = imp.value(op, 0)
    if isinstance(x, Constant):
        return QuantConstant(x.name, x.array, *_constant_parameters(imp, op, x.array))
    if isinstance(x, QuantConstant):
        _check_same(x, *_constant_parameters(imp, op, x.steps))
        return x
    if not isinstance(x, Stored):
        raise UnsupportedError(f"input {show(op.inputs[0])} is real; stored integers are accepted")
    found, _ = _activation_quant(imp, op, x.dtype)
    name = _int8_form(imp, x.tensor, found)
    quant = imp.quant(name)
    if found != quant:
        raise UnsupportedError(
            f"scale {found.scale[0]:.9g} and zero point {found.zero_point[0]} (as int8) for a "
            f"tensor stored with {quant.scale[0]:.9g} and {quant.zero_point[0]}; equal ones are "
            "accepted"
        )
    return Real(name, x.view)


def _check_attributes(op: Operator, *without_effect: str) -> None:
    op.ignore("axis", *without_effect)
    blocks = op.attribute("block_size", 0)
    if blocks:
        raise UnsupportedError(
            f"block_size is {blocks}: scales in blocks of the sums; one scale, or one per output "
            "channel, is accepted (quantise the weights again)"
        )


def _check_same(
    x: QuantConstant, scale: np.ndarray, zero_point: np.ndarray, axis: int | None
) -> None:
    """Raise UnsupportedError unless a constant's parameters are QuantizeLinear's."""
    same: tuple[tuple[str, npt.ArrayLike | None, npt.ArrayLike | None], ...] = (
        ("scale", scale, x.scale),
        ("zero point", zero_point, x.zero_point),
        ("axis", axis, x.axis),
    )
    for what, found, stored in same:
        if not np.array_equal(np.asarray(found), np.asarray(stored)):
            given, accepted = (show(np.asarray(v).tolist()) for v in (found, stored))
            raise UnsupportedError(f"{what} {given}; QuantizeLinear's {accepted} is accepted")


def _int8_form(imp: Importer, name: str, quant: Quant) -> str:
    """The stored tensor as int8.

    A network's input of integers gets its parameters, ``quant`` as int8, from the first node that
    reads it.
    """
    tensor = imp.tensors[name]
    if tensor.dtype == "int8":
        if tensor.quant is None:
            imp.tensors[name] = replace(tensor, quant=quant)
        return name
    whole = imp.values[name]
    assert isinstance(whole, Stored), "of uint8 are only inputs"
    if tensor.quant is None:
        imp.tensors[name] = replace(tensor, quant=unsigned(quant))
        form = imp.emit("quantize", (name,), {}, f"{name}/int8", quant, whole.view)
        whole = imp.values[name] = replace(whole, tensor=form)
    return whole.tensor


def _activation_quant(imp: Importer, op: Operator, dtype: str | None) -> tuple[Quant, str]:
    """Parameters for int8 (a zero point of uint8 is 128 lower, as the values are), and the type.

    ``dtype`` is that of what is read, None for what QuantizeLinear makes.
    """
    scale, zero_point, axis = _parameters(imp, op, dtype, None)
    dtype = str(zero_point.dtype)
    if dtype not in _ACTIVATIONS:
        raise UnsupportedError(f"zero point of type {dtype}; int8 or uint8 is accepted")
    if axis is not None:
        raise UnsupportedError(
            f"{scale.size} scales for an activation; one per activation is accepted"
        )
    shift = 128 if dtype == "uint8" else 0
    return Quant((float(scale[0]),), (int(zero_point[0]) - shift,)), dtype


def _constant_parameters(
    imp: Importer, op: Operator, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int | None]:
    """The parameters of the constant stored values that DequantizeLinear reads."""
    return _parameters(imp, op, str(steps.dtype), steps.shape)


def _parameters(
    imp: Importer, op: Operator, dtype: str | None, shape: tuple[int, ...] | None
) -> tuple[np.ndarray, np.ndarray, int | None]:
    """Scales, zero points of the stored type, and the axis that they go along, None for one scale.

    ``dtype`` is the type of what is read, None for what QuantizeLinear makes; ``shape`` is that of
    a constant. Raises InputError for zero points of another type, and where a constant has no such
    axis or another number of elements along it.
    """
    scale = imp.constant(op, 1)
    if scale.dtype != np.float32 or scale.ndim > 1 or not scale.size:
        raise UnsupportedError(
            f"scale of type {scale.dtype} and shape {list(scale.shape)}; float32, one or one per "
            "channel, is accepted"
        )
    if np.isnan(scale).any():
        raise InputError(f"scale {show(op.inputs[1])} is not a number; numbers are accepted")
    if op.given(2):
        zero_point = imp.constant(op, 2)
    else:
        zero_point = np.zeros(scale.shape, dtype or _output_type(op))
    if dtype and zero_point.dtype != dtype:
        raise InputError(
            f"zero point of type {zero_point.dtype} for values of {dtype}; {dtype} is accepted"
        )
    # A list of one and a number mean the same: onnxruntime's quantiser mixes them.
    if zero_point.size != scale.size or zero_point.ndim > 1:
        raise InputError(
            f"zero point of shape {list(zero_point.shape)}; the scale's {list(scale.shape)} is "
            "accepted"
        )
    axis = None
    if scale.size > 1:
        axis = int(op.attribute("axis", 1))
        axis = axis if shape is None else _axis(axis, scale.size, shape)
    return scale.reshape(-1), zero_point.reshape(-1), axis


def _axis(axis: int, scales: int, shape: tuple[int, ...]) -> int:
    """``axis``, which may count from the end, as an index from 0 on."""
    rank = len(shape)
    if not -rank <= axis < rank:
        raise InputError(f"axis {axis} for shape {list(shape)}; one of its {rank} is accepted")
    if shape[axis] != scales:
        raise InputError(
            f"{scales} scales for {shape[axis]} elements along axis {axis} of {list(shape)}; one "
            "scale, or one for each, is accepted"
        )
    return axis % rank


def _output_type(op: Operator) -> str:
    """QuantizeLinear's type without a zero point: uint8, unless the node names another."""
    named = {0: "uint8", 2: "uint8", 3: "int8"}
    code = op.attribute("output_dtype", 0)
    if code not in named:
        raise UnsupportedError(f"output_dtype {code}; 2 (uint8) or 3 (int8) is accepted")
    return named[code]


def _quantize_constant(imp: Importer, op: Operator, x: Constant) -> QuantConstant:
    """The constant divided by the scale in float32, rounded to even, saturated (ONNX)."""
    scale, zero_point, axis = _parameters(imp, op, None, x.array.shape)
    if zero_point.dtype.kind not in "iu":
        raise UnsupportedError(f"zero point of type {zero_point.dtype}; an integer is accepted")
    limits, shape = np.iinfo(zero_point.dtype), [1] * x.array.ndim
    if axis is not None:
        shape[axis] = -1
    steps = np.rint(x.array.astype(np.float32) / scale.reshape(shape)).astype(np.float64)
    steps = np.clip(steps + zero_point.astype(np.float64).reshape(shape), limits.min, limits.max)
    if not np.isfinite(steps).all():
        raise InputError(f"constant {show(x.name)} is not finite; finite values are accepted")
    return QuantConstant(x.name, steps.astype(zero_point.dtype), scale, zero_point, axis)
