"""ONNX operators in PyTorch: a function of the node's attributes and its inputs each.

Semantics are those of the ONNX operator specification, for maps ``[batch, channels, ...]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional as F

Attributes = Mapping[str, Any]
Tensor = torch.Tensor
Operator = Callable[..., Tensor]


def _padded(attributes: Attributes, x: Tensor, axes: int, value: float = 0.0) -> Tensor:
    """The map with the window's padding around it."""
    pads = attributes.get("pads", [0] * 2 * axes)
    if not any(pads):
        return x
    around = [p for axis in reversed(range(axes)) for p in (pads[axis], pads[axes + axis])]
    return F.pad(x, around, value=value)


def _conv(attributes: Attributes, x: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    axes = x.ndim - 2
    run: Operator = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[axes]
    strides, dilations = (attributes.get(k, [1] * axes) for k in ("strides", "dilations"))
    pads, group = attributes.get("pads", [0] * 2 * axes), attributes.get("group", 1)
    if weights.shape[1] == 1 and len(weights) > group > 1:
        x, group = _repeated(x, len(weights) // group), len(weights)
    if pads[:axes] == pads[axes:]:
        return run(x, weights, bias, strides, pads[:axes], dilations, group)
    return run(_padded(attributes, x, axes), weights, bias, strides, 0, dilations, group)


def _repeated(x: Tensor, times: int) -> Tensor:
    """Each channel ``times`` times in turn, channels last in memory.

    A convolution of each channel to several is then one of each to one, which takes PyTorch on a
    CPU a third to a half of the time.
    """
    last = x.movedim(1, -1).unsqueeze(-1)
    return last.expand(*last.shape[:-1], times).flatten(-2).movedim(-1, 1)


def _gemm(attributes: Attributes, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    a = a.T if attributes.get("transA", 0) else a
    b = b.T if attributes.get("transB", 0) else b
    y: Tensor = attributes.get("alpha", 1.0) * (a @ b)
    return y if c is None else y + attributes.get("beta", 1.0) * c


def _batch_norm(
    attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    momentum = 1 - attributes.get("momentum", 0.9)
    epsilon = attributes.get("epsilon", 1e-5)
    return F.batch_norm(x, mean, variance, scale, bias, attributes["training"], momentum, epsilon)


def _clip(
    attributes: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None
) -> Tensor:
    low = attributes.get("min") if low is None else low
    high = attributes.get("max") if high is None else high
    y = x if low is None else torch.clamp_min(x, low)
    return y if high is None else torch.clamp_max(y, high)


def _max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    axes = x.ndim - 2
    kernel, strides = attributes["kernel_shape"], attributes.get("strides", [1] * axes)
    run: Operator = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[axes]
    x = _padded(attributes, x, axes, float("-inf"))
    dilations, up = attributes.get("dilations", [1] * axes), bool(attributes.get("ceil_mode", 0))
    return run(x, kernel, strides, 0, dilations, ceil_mode=up)


def _average_pool(attributes: Attributes, x: Tensor) -> Tensor:
    axes = x.ndim - 2
    kernel, strides = attributes["kernel_shape"], attributes.get("strides", [1] * axes)
    run: Operator = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[axes]
    up, padded = bool(attributes.get("ceil_mode", 0)), _padded(attributes, x, axes)
    total = run(padded, kernel, strides, 0, up)
    if padded is x or attributes.get("count_include_pad", 0):
        return total
    ones = torch.ones((1, 1, *x.shape[2:]), dtype=x.dtype, device=x.device)
    return total / run(_padded(attributes, ones, axes), kernel, strides, 0, up)


def _global(x: Tensor, run: Callable[..., Tensor]) -> Tensor:
    return run(x, dim=tuple(range(2, x.ndim)), keepdim=True)


def _axes(attributes: Attributes, given: Tensor | None) -> tuple[int, ...]:
    return tuple(attributes.get("axes", [])) if given is None else tuple(given.tolist())


def _mean(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    chosen = _axes(attributes, axes) or tuple(range(x.ndim))
    return torch.mean(x, chosen, keepdim=bool(attributes.get("keepdims", 1)))


def _reshape(attributes: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    """A first size of 1 is that of the batch."""
    sizes = shape.tolist()
    if not attributes.get("allowzero", 0):
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    if sizes and sizes[0] == 1:
        sizes[0] = len(x)
    return x.reshape(sizes)


def _flatten(attributes: Attributes, x: Tensor) -> Tensor:
    axis = attributes.get("axis", 1) % (x.ndim + 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def _squeeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze(_axes(attributes, axes))


def _unsqueeze(attributes: Attributes, x: Tensor, axes: Tensor | None = None) -> Tensor:
    places = _axes(attributes, axes)
    for place in sorted(place % (x.ndim + len(places)) for place in places):
        x = x.unsqueeze(place)
    return x


def _layer_norm(
    attributes: Attributes, x: Tensor, scale: Tensor, bias: Tensor | None = None
) -> Tensor:
    shape = x.shape[attributes.get("axis", -1) % x.ndim :]
    return F.layer_norm(x, shape, None, None, attributes.get("epsilon", 1e-5)) * scale + (
        0.0 if bias is None else bias
    )


def _gelu(attributes: Attributes, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=attributes.get("approximate", b"none").decode())


def _prelu(attributes: Attributes, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def _plain(run: Callable[..., Any]) -> Operator:
    """An operator without attributes."""
    return lambda attributes, *inputs: run(*inputs)


OPERATORS: dict[str, Operator] = {
    "Add": _plain(torch.add),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": lambda attributes, *inputs: torch.cat(inputs, attributes["axis"]),
    "Conv": _conv,
    "Div": _plain(torch.div),
    "Dropout": lambda attributes, x, *rest: x,
    "Elu": lambda attributes, x: F.elu(x, attributes.get("alpha", 1.0)),
    "Erf": _plain(torch.erf),
    "Flatten": _flatten,
    "Gelu": _gelu,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda attributes, x: _global(x, torch.mean),
    "GlobalMaxPool": lambda attributes, x: _global(x, torch.amax),
    "HardSigmoid": lambda attributes, x: torch.clamp(
        attributes.get("alpha", 0.2) * x + attributes.get("beta", 0.5), 0, 1
    ),
    "HardSwish": _plain(F.hardswish),
    "Identity": _plain(lambda x: x),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": lambda attributes, x: F.leaky_relu(x, attributes.get("alpha", 0.01)),
    "MatMul": _plain(torch.matmul),
    "MaxPool": _max_pool,
    "Mul": _plain(torch.mul),
    "PRelu": _prelu,
    "Pow": _plain(torch.pow),
    "ReduceMean": _mean,
    "Relu": _plain(F.relu),
    "Reshape": _reshape,
    "Sigmoid": _plain(torch.sigmoid),
    "Softmax": lambda attributes, x: F.softmax(x, attributes.get("axis", -1)),
    "Softplus": _plain(F.softplus),
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(torch.sub),
    "Tanh": _plain(torch.tanh),
    "Transpose": lambda attributes, x: x.permute(
        attributes.get("perm", list(reversed(range(x.ndim))))
    ),
    "Unsqueeze": _unsqueeze,
}
"""Operators by their names; those of the standard domain."""

_BOTH = (0, 1)
TRAINED: dict[str, tuple[int, ...]] = {
    "Add": _BOTH,
    "BatchNormalization": (1, 2),
    "Conv": (1, 2),
    "Gemm": (1, 2),
    "LayerNormalization": (1, 2),
    "MatMul": _BOTH,
    "Mul": _BOTH,
    "PRelu": (1,),
}
"""Inputs, by their places, whose constants are parameters."""
