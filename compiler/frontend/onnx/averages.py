"""Averages as depthwise convolutions of equal weights, whose scale divides."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.frontend.onnx.values import Pending
from compiler.ir.graph import Quant, Tensor

#: Each weight of an average; a power of two leaves the sums' ties as they are. It is large so that
#: the first of the two roundings in fixed point is a fine one.
_WEIGHT = 64


def as_layer(x: Pending, name: str) -> Pending | None:
    """An ``avg_pool2d`` as a layer, its output called ``name``.

    A ``dilation`` that the pool does not know is the layer's. None for windows of different
    divisors, as at borders that are not counted.
    """
    kernel, channels = x.attrs["kernel"], x.shape[-1]
    if any(x.attrs["padding"]) and not x.attrs["count_include_pad"]:
        return None
    equal = np.full((1, *kernel, channels), _WEIGHT, np.int8)
    equal.setflags(write=False)
    share = Quant((float(np.float32(1 / (_WEIGHT * math.prod(kernel)))),), (0,))
    weights = Tensor(f"{name}/weights", equal.shape, "int8", share, equal)
    attrs: dict[str, Any] = {key: x.attrs[key] for key in ("stride", "padding", "activation")}
    attrs |= {"dilation": x.attrs.get("dilation", (1, 1)), "depth_multiplier": 1}
    return replace(x, op="depthwise_conv2d", inputs=(x.inputs[0], weights, ""), attrs=attrs)
