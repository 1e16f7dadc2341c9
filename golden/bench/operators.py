"""Every operator of the graph in real numbers, as a PyTorch module.

Maps are NCHW; tensors of other than four dimensions are as the graph has them. A builder makes the
module of a node; the activation is applied after it (``golden/bench/module.py``).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from golden.bench import (
    pooling,
    resizing,
)
from golden.bench.node_view import NodeView


class Call(nn.Module):
    """A function of tensors as a module."""

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.function(*inputs)


class Weighted(nn.Module):
    """Base of operators with weights: constant weights and bias."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)


class Convolution(Weighted):
    """A convolution; padding that differs between opposite sides is a step of its own."""

    def __init__(self, site: NodeView, weight: torch.Tensor, groups: int) -> None:
        super().__init__(weight, site.bias())
        top, bottom, left, right = site.attrs["padding"]
        same = (top, left) == (bottom, right)
        self.around = None if same else (left, right, top, bottom)
        self.padding = (top, left) if same else (0, 0)
        self.stride, self.dilation = tuple(site.attrs["stride"]), tuple(site.attrs["dilation"])
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.around is not None:
            x = F.pad(x, self.around)
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class TransposedConvolution(Weighted):
    """A transposed convolution: PyTorch cuts off what opposite sides share, the rest follows."""

    def __init__(self, site: NodeView) -> None:
        self.groups = site.attrs["groups"]
        grouped = site.weights().unflatten(0, (self.groups, -1)).permute(0, 4, 1, 2, 3)
        super().__init__(grouped.flatten(0, 1), site.bias())
        top, bottom, left, right = site.attrs["padding"]
        self.padding = min(top, bottom), min(left, right)
        down, across = self.padding
        crop = (across - left, across - right, down - top, down - bottom)
        self.crop = crop if any(crop) else None
        self.stride = tuple(site.attrs["stride"])
        self.output_padding = tuple(site.attrs["output_padding"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.conv_transpose2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
        )
        return y if self.crop is None else F.pad(y, self.crop)


class FullyConnected(Weighted):
    """A fully connected layer on the values in the graph's order."""

    def __init__(self, site: NodeView) -> None:
        super().__init__(site.weights(), site.bias())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(channels_last(x).reshape(-1, self.weight.shape[1]), self.weight, self.bias)


class LayerNorm(Weighted):
    """Layer normalisation over the channels."""

    def __init__(self, site: NodeView) -> None:
        gamma, beta = (torch.tensor(tensor["data"]).double() for tensor in site.inputs[1:])
        super().__init__(gamma, beta)
        self.epsilon = site.attrs["epsilon"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.layer_norm(channels_last(x), self.weight.shape, self.weight, self.bias, self.epsilon)
        return channels_second(y)


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """A map as NHWC, any other tensor as it is."""
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def channels_second(x: torch.Tensor) -> torch.Tensor:
    """An NHWC map as NCHW, any other tensor as it is."""
    return x.permute(0, 3, 1, 2) if x.dim() == 4 else x


def _conv2d(site: NodeView) -> nn.Module:
    return Convolution(site, site.weights().permute(0, 3, 1, 2), site.attrs["groups"])


def _depthwise_conv2d(site: NodeView) -> nn.Module:
    return Convolution(site, site.weights().permute(3, 0, 1, 2), site.inputs[0]["shape"][3])


def _pad(site: NodeView) -> nn.Module:
    top, bottom, left, right = site.attrs["padding"]
    margins = (left, right, top, bottom, *site.attrs["channel_padding"])
    return Call(lambda x: F.pad(x, margins))


def _slice(site: NodeView) -> nn.Module:
    axis, begin, size = _channel_axis(site), site.attrs["begin"], site.attrs["size"]
    return Call(lambda x: x.narrow(axis, begin, size))


def _channel_shuffle(site: NodeView) -> nn.Module:
    groups = site.attrs["groups"]

    def shuffled(x: torch.Tensor) -> torch.Tensor:
        x = channels_last(x)
        return channels_second(x.unflatten(-1, (groups, -1)).transpose(-1, -2).flatten(-2))

    return Call(shuffled)


def _concatenation(site: NodeView) -> nn.Module:
    axis = _channel_axis(site)
    return Call(lambda *parts: torch.cat(parts, axis))


def _reshape(site: NodeView) -> nn.Module:
    """The first axis grows with the batch, whatever the operator does to it."""
    before, shape = site.inputs[0]["shape"][0], tuple(site.attrs["shape"])

    def reshaped(x: torch.Tensor) -> torch.Tensor:
        first = shape[0] * (x.shape[0] // before)
        return channels_second(channels_last(x).reshape(first, *shape[1:]))

    return Call(reshaped)


def _softmax(site: NodeView) -> nn.Module:
    axis, beta = _channel_axis(site), site.attrs["beta"]
    return Call(lambda x: torch.softmax(x if beta == 1 else x * beta, axis))


def _leaky_relu(site: NodeView) -> nn.Module:
    alpha = site.attrs["alpha"]
    return Call(lambda x: F.leaky_relu(x, alpha))


def _hard_sigmoid(site: NodeView) -> nn.Module:
    alpha, beta = site.attrs["alpha"], site.attrs["beta"]
    return Call(lambda x: torch.clamp(alpha * x + beta, 0, 1))


def _gelu(site: NodeView) -> nn.Module:
    approximate = "tanh" if site.attrs["approximate"] else "none"
    return Call(lambda x: F.gelu(x, approximate=approximate))


def _channel_axis(site: NodeView) -> int:
    return 1 if len(site.output["shape"]) == 4 else len(site.output["shape"]) - 1


def _always(function: Callable[..., torch.Tensor]) -> Callable[[NodeView], nn.Module]:
    """The builder of an operator without attributes."""
    return lambda site: Call(function)


BUILDERS: dict[str, Callable[[NodeView], nn.Module]] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "transpose_conv2d": TransposedConvolution,
    "fully_connected": FullyConnected,
    "add": _always(torch.add),
    "mul": _always(torch.mul),
    "concatenation": _concatenation,
    "avg_pool2d": pooling.Average,
    "max_pool2d": pooling.Maximum,
    "mean": _always(lambda x: x.mean((2, 3), keepdim=True)),
    "pad": _pad,
    "slice": _slice,
    "channel_shuffle": _channel_shuffle,
    "resize": resizing.build,
    "reshape": _reshape,
    "quantize": _always(lambda x: x),
    "softmax": _softmax,
    "layer_norm": LayerNorm,
    "relu": _always(F.relu),
    "relu6": _always(F.relu6),
    "relu_n1_to_1": _always(F.hardtanh),
    "leaky_relu": _leaky_relu,
    "hard_swish": _always(F.hardswish),
    "hard_sigmoid": _hard_sigmoid,
    "sigmoid": _always(torch.sigmoid),
    "tanh": _always(torch.tanh),
    "silu": _always(F.silu),
    "gelu": _gelu,
}
"""The builder of every operator with a meaning in real numbers.

``lookup`` has none: its table maps stored values.
"""
