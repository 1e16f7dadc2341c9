"""The operators of the graph: their inputs, their attributes and what an attribute may hold."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compiler.ir import host_body

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")

#: Largest value of an integer attribute; keeps every address and count in 32 bits.
MAX_ATTR = 1 << 16

#: Most dimensions of a tensor, and the largest of one.
MAX_RANK = 6
MAX_SIZE = 1 << 28

#: Functions of two operands, and those that make one value of many.
BINARY = ("add", "sub", "mul", "minimum", "maximum", "prelu", "squared_difference")
REDUCTIONS = ("mean", "sum", "max", "min")


@dataclass(frozen=True)
class AttrSpec:
    """Specification of an attribute: ``accepts`` tests a value in the graph's own form (tuples).

    ``default`` is what a model file may leave out; ``None`` marks a required attribute.
    """

    accepted: str
    accepts: Callable[[Any], bool]
    default: object = None


@dataclass(frozen=True)
class OpSpec:
    """An operator: the roles of its inputs in order, and its attributes.

    The roles of ``CONSTANTS`` are constants, ``operand`` may be either, all others activations;
    ``bias`` is optional (an absent input is ``""``). ``same_quant`` marks operators that move
    values, so that input and output share scale and zero point. ``variadic`` ones have one input or
    more, all of the only role. Of ``mixed`` ones some inputs may be int8 constants.
    """

    inputs: tuple[str, ...]
    attrs: dict[str, AttrSpec]
    same_quant: bool = False
    variadic: bool = False
    mixed: bool = False

    def roles(self, count: int) -> tuple[str, ...]:
        """The roles of a node with ``count`` inputs, as many as it may have."""
        return self.inputs * max(count, 1) if self.variadic else self.inputs


def _integers(value: Any, count: int, low: int) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == count
        and all(_is_int(v) and low <= v <= MAX_ATTR for v in value)
    )


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(_is_int(v) and v > 0 for v in value)


def _is_real(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # An integer beyond float64 has no isfinite; not-a-number compares as false.
    return number and abs(value) <= sys.float_info.max


def _is_positive_real(value: Any) -> bool:
    return _is_real(value) and value > 0


def _pair(default: tuple[int, int] | None) -> AttrSpec:
    accepted = f"two integers (height, width) from 1 to {MAX_ATTR}"
    return AttrSpec(accepted, lambda v: _integers(v, 2, 1), default)


def _integer(low: int, default: int | None) -> AttrSpec:
    accepted = f"an integer from {low} to {MAX_ATTR}"
    return AttrSpec(accepted, lambda v: _is_int(v) and low <= v <= MAX_ATTR, default)


def _real(default: float) -> AttrSpec:
    return AttrSpec("a finite number", _is_real, default)


def _margins(names: str) -> AttrSpec:
    count = len(names.split(","))
    accepted = f"{count} integers ({names}) from 0 to {MAX_ATTR}"
    return AttrSpec(accepted, lambda v: _integers(v, count, 0), (0,) * count)


def _choice(values: tuple[str, ...], default: str | None = None) -> AttrSpec:
    accepted = "one of " + ", ".join(values)
    return AttrSpec(accepted, lambda v: isinstance(v, str) and v in values, default)


def _per_axis(accepted: str, low: int) -> AttrSpec:
    """Required integers from ``low`` on, one for each axis or of any number."""

    def accepts(value: Any) -> bool:
        counted = isinstance(value, tuple) and 0 < len(value) <= MAX_RANK
        return counted and all(_is_int(v) and low <= v <= MAX_SIZE for v in value)

    return AttrSpec(accepted, accepts)


_AXIS = AttrSpec(
    f"an integer from 0 to {MAX_RANK - 1}",
    lambda v: _is_int(v) and 0 <= v < MAX_RANK,
)
_PADDING = _margins("top, bottom, left, right")
_ACTIVATION = _choice(ACTIVATIONS, "none")
_BOOL = AttrSpec("true or false", lambda v: isinstance(v, bool), False)
_BETA = AttrSpec("a finite number above 0", _is_positive_real, 1.0)
_SHAPE = AttrSpec("a list of positive integers", _is_shape)
_STRIDE = _pair((1, 1))
_KERNEL = _pair(None)
_CONV = {"stride": _STRIDE, "dilation": _STRIDE, "padding": _PADDING}
_POOL = {"kernel": _KERNEL, "stride": _STRIDE, "padding": _PADDING}

#: Functions of one value, with their parameters; on the hardware a table of 256 entries.
FUNCTIONS: dict[str, OpSpec] = {
    "relu": OpSpec(("x",), {}),
    "relu6": OpSpec(("x",), {}),
    "relu_n1_to_1": OpSpec(("x",), {}),
    "leaky_relu": OpSpec(("x",), {"alpha": _real(0.01)}),
    "hard_swish": OpSpec(("x",), {}),
    "hard_sigmoid": OpSpec(("x",), {"alpha": _real(1 / 6), "beta": _real(0.5)}),
    "sigmoid": OpSpec(("x",), {}),
    "tanh": OpSpec(("x",), {}),
    "silu": OpSpec(("x",), {}),
    "gelu": OpSpec(("x",), {"approximate": _BOOL}),
    "lookup": OpSpec(("x", "table"), {}),
}

#: Operators over any axes of tensors of any rank.
ANY_AXES: dict[str, OpSpec] = {
    "elementwise": OpSpec(
        ("a", "b"), {"function": _choice(BINARY), "activation": _ACTIVATION}, mixed=True
    ),
    "matmul": OpSpec(("a", "b"), {"transpose_a": _BOOL, "transpose_b": _BOOL}, mixed=True),
    "reduce": OpSpec(
        ("x",),
        {"function": _choice(REDUCTIONS), "axes": _per_axis("a list of different axes", 0)},
    ),
    "arg_max": OpSpec(("x",), {"axis": _AXIS, "smallest": _BOOL}),
    "join": OpSpec(("x",), {"axis": _AXIS}, variadic=True, mixed=True),
    "strided_slice": OpSpec(
        ("x",),
        {
            "begin": _per_axis("integers from 0, one for each axis", 0),
            "size": _per_axis("positive integers, one for each axis", 1),
            "step": _per_axis("integers, one for each axis", -MAX_SIZE),
        },
        same_quant=True,
    ),
    "take": OpSpec(("x", "indices"), {"axis": _AXIS}, same_quant=True),
}

OPS: dict[str, OpSpec] = {
    "conv2d": OpSpec(
        ("x", "weights", "bias"), {**_CONV, "groups": _integer(1, 1), "activation": _ACTIVATION}
    ),
    "depthwise_conv2d": OpSpec(
        ("x", "weights", "bias"),
        {**_CONV, "depth_multiplier": _integer(1, 1), "activation": _ACTIVATION},
    ),
    "transpose_conv2d": OpSpec(
        ("x", "weights", "bias"),
        {
            "stride": _STRIDE,
            "padding": _PADDING,
            "output_padding": _margins("bottom, right"),
            "groups": _integer(1, 1),
            "activation": _ACTIVATION,
        },
    ),
    "fully_connected": OpSpec(("x", "weights", "bias"), {"activation": _ACTIVATION}),
    "add": OpSpec(("a", "b"), {"activation": _ACTIVATION}),
    "mul": OpSpec(("a", "b"), {"activation": _ACTIVATION}),
    "concatenation": OpSpec(("x",), {}, variadic=True),
    "avg_pool2d": OpSpec(
        ("x",), {**_POOL, "count_include_pad": _BOOL, "activation": _ACTIVATION}, same_quant=True
    ),
    "max_pool2d": OpSpec(
        ("x",), {**_POOL, "dilation": _STRIDE, "activation": _ACTIVATION}, same_quant=True
    ),
    "mean": OpSpec(("x",), {}),
    "pad": OpSpec(
        ("x",),
        {"padding": _PADDING, "channel_padding": _margins("before, after")},
        same_quant=True,
    ),
    "slice": OpSpec(("x",), {"begin": _integer(0, 0), "size": _integer(1, None)}, same_quant=True),
    "channel_shuffle": OpSpec(("x",), {"groups": _integer(1, None)}, same_quant=True),
    "resize": OpSpec(
        ("x",),
        {
            "mode": _choice(("nearest", "bilinear")),
            "size": _pair(None),
            "align_corners": _BOOL,
            "half_pixel_centers": _BOOL,
        },
        same_quant=True,
    ),
    "reshape": OpSpec(("x",), {"shape": _SHAPE}, same_quant=True),
    "rearrange": OpSpec(
        ("x",),
        {
            "layout": AttrSpec(host_body.LAYOUT, host_body.is_layout),
            "shape": _SHAPE,
        },
        same_quant=True,
    ),
    "host": OpSpec(
        ("operand",),
        {
            "body": AttrSpec(host_body.BODY, host_body.is_body),
            "opset": _integer(1, None),
            "layouts": AttrSpec(
                "a layout for each operand, then the result's",
                lambda v: isinstance(v, tuple) and all(map(host_body.is_layout, v)),
            ),
            "shape": _SHAPE,
            "macs": AttrSpec("an integer from 0 on", lambda v: _is_int(v) and v >= 0, 0),
            "reason": AttrSpec("a text", lambda v: isinstance(v, str) and v.isprintable()),
        },
        variadic=True,
    ),
    "quantize": OpSpec(("x",), {}),
    "softmax": OpSpec(("x",), {"beta": _BETA}),
    "layer_norm": OpSpec(
        ("x", "gamma", "beta"),
        {"epsilon": AttrSpec("a finite number above 0", _is_positive_real, 1e-5)},
    ),
    **FUNCTIONS,
    **ANY_AXES,
}

#: Roles of inputs that are constants, with their types.
CONSTANTS = {
    "weights": "int8",
    "bias": "int32",
    "table": "int8",
    "indices": "int32",
    "gamma": "float32",
    "beta": "float32",
}

#: Types of an ``operand`` that is a constant, and of a network's output that no scale belongs to.
OPERAND_TYPES = ("float32", "int64", "int32", "bool")
RESULT_TYPES = ("float32", "int64", "int32", "bool")

#: The axis of a weight tensor that counts output channels, by operator.
WEIGHT_AXIS = {
    "conv2d": 0,
    "depthwise_conv2d": 3,
    "transpose_conv2d": 0,
    "fully_connected": 0,
}
