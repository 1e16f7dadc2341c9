"""The operators of the graph: their inputs, their attributes and what an attribute may hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")

#: Largest value of an integer attribute; keeps every address and count in 32 bits.
MAX_ATTR = 1 << 16


@dataclass(frozen=True)
class AttrSpec:
    """What an attribute holds: ``accepts`` tests a value in the graph's own form (tuples).

    ``default`` is what a model file may leave out; ``None`` marks a required attribute.
    """

    accepted: str
    accepts: Callable[[Any], bool]
    default: object = None


@dataclass(frozen=True)
class OpSpec:
    """An operator: the roles of its inputs in order, and its attributes.

    The ``bias`` role is optional (an absent input is ``""``). ``same_quant`` marks operators that
    move values, so that input and output share scale and zero point. ``variadic`` ones have one
    input or more, all of the only role.
    """

    inputs: tuple[str, ...]
    attrs: dict[str, AttrSpec]
    same_quant: bool = False
    variadic: bool = False

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


def _is_positive_real(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and value > 0


def _pair(default: tuple[int, int] | None) -> AttrSpec:
    accepted = f"two integers (height, width) from 1 to {MAX_ATTR}"
    return AttrSpec(accepted, lambda v: _integers(v, 2, 1), default)


def _count() -> AttrSpec:
    accepted = f"an integer from 1 to {MAX_ATTR}"
    return AttrSpec(accepted, lambda v: _is_int(v) and 1 <= v <= MAX_ATTR, 1)


_PADDING = AttrSpec(
    f"four integers (top, bottom, left, right) from 0 to {MAX_ATTR}",
    lambda v: _integers(v, 4, 0),
    (0, 0, 0, 0),
)
_ACTIVATION = AttrSpec(
    "one of " + ", ".join(ACTIVATIONS), lambda v: isinstance(v, str) and v in ACTIVATIONS, "none"
)
_BOOL = AttrSpec("true or false", lambda v: isinstance(v, bool), False)
_BETA = AttrSpec("a finite number above 0", _is_positive_real, 1.0)
_SHAPE = AttrSpec("a list of positive integers", _is_shape)
_STRIDE = _pair((1, 1))
_KERNEL = _pair(None)
_CONV = {"stride": _STRIDE, "dilation": _STRIDE, "padding": _PADDING}
_POOL = {"kernel": _KERNEL, "stride": _STRIDE, "padding": _PADDING}

OPS: dict[str, OpSpec] = {
    "conv2d": OpSpec(
        ("x", "weights", "bias"), {**_CONV, "groups": _count(), "activation": _ACTIVATION}
    ),
    "depthwise_conv2d": OpSpec(
        ("x", "weights", "bias"), {**_CONV, "depth_multiplier": _count(), "activation": _ACTIVATION}
    ),
    "fully_connected": OpSpec(("x", "weights", "bias"), {"activation": _ACTIVATION}),
    "add": OpSpec(("a", "b"), {"activation": _ACTIVATION}),
    "concatenation": OpSpec(("x",), {}, variadic=True),
    "avg_pool2d": OpSpec(
        ("x",), {**_POOL, "count_include_pad": _BOOL, "activation": _ACTIVATION}, same_quant=True
    ),
    "max_pool2d": OpSpec(("x",), {**_POOL, "activation": _ACTIVATION}, same_quant=True),
    "pad": OpSpec(("x",), {"padding": _PADDING}, same_quant=True),
    "reshape": OpSpec(("x",), {"shape": _SHAPE}, same_quant=True),
    "quantize": OpSpec(("x",), {}),
    "softmax": OpSpec(("x",), {"beta": _BETA}),
}

#: The axis of a weight tensor that counts output channels, by operator.
WEIGHT_AXIS = {"conv2d": 0, "depthwise_conv2d": 3, "fully_connected": 0}
