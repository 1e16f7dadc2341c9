"""Conv and ConvTranspose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import InputError, UnsupportedError
from compiler.frontend.onnx.importer import Importer
from compiler.frontend.onnx.operator import Operator
from compiler.frontend.onnx.values import Pending, QuantConstant, Real
from compiler.frontend.onnx.views import channels_last
from compiler.frontend.onnx.weights import (
    read_bias,
    read_weights,
    weight_tensor,
    within_int8,
)
from compiler.frontend.onnx.windows import AUTO_PADS, read_pads, read_windows


def conv(imp: Importer, op: Operator) -> Pending:
    """A convolution over one or two spatial axes; one group per channel is depthwise."""
    x, weights = imp.real(op), read_weights(imp, op, 1, 0)
    steps = weights.steps
    _check_rank(x, steps)
    kernel = _kernel(op, steps.shape[2:])
    windows = read_windows(op, x.view.shape[2:], kernel)
    groups, channels = op.attribute("group", 1), x.view.shape[1]
    tensor = imp.channels_last(x, steps.ndim)
    steps = steps.reshape(*steps.shape[:2], *windows.kernel)
    before = steps.shape[1]
    tensor, steps = within_int8(imp, tensor, steps, groups)
    channels *= steps.shape[1] // before
    attrs = {
        "stride": windows.stride,
        "dilation": windows.dilation,
        "padding": windows.padding,
        "activation": "none",
    }
    outputs = steps.shape[0]
    bias = read_bias(imp, op, 2, tensor, weights, outputs)
    if groups == channels > 1 and steps.shape[1] == 1 and outputs % channels == 0:
        kind, attrs["depth_multiplier"] = "depthwise_conv2d", outputs // channels
        constant = weight_tensor(weights, steps.transpose(1, 2, 3, 0), 3)
    else:
        if groups < 1 or steps.shape[1] * groups != channels:
            raise InputError(
                f"group is {groups} for {channels} channels and weights of {steps.shape[1]}; "
                "channels divided by the weights' are accepted"
            )
        kind, attrs["groups"] = "conv2d", groups
        constant = weight_tensor(weights, steps.transpose(0, 2, 3, 1), 0)
    return _pending(imp, kind, (tensor, constant, bias), attrs, len(x.view.shape))


def conv_transpose(imp: Importer, op: Operator) -> Pending:
    """A transposed convolution without dilation; one group per channel is depthwise."""
    x, groups = imp.real(op), op.attribute("group", 1)
    weights = _by_outputs(imp, op, x, groups)
    steps = weights.steps
    rank = steps.ndim - 2
    kernel = _kernel(op, steps.shape[2:])
    op.expect("dilations", [1] * rank, [1] * rank)
    stride, extra = op.sizes("strides", rank, 1), op.sizes("output_padding", rank, 0)
    sides = _transposed_pads(op, x.view.shape[2:], kernel, stride, extra)
    tensor = imp.channels_last(x, steps.ndim)
    if rank == 1:
        stride, extra, sides = (1, *stride), (0, *extra), [(0, 0), *sides]
        steps = steps[:, :, None]
    attrs = {
        "stride": stride,
        "padding": (*sides[0], *sides[1]),
        "output_padding": extra,
        "groups": groups,
        "activation": "none",
    }
    bias = read_bias(imp, op, 2, tensor, weights, len(steps))
    tensor, rows = within_int8(imp, tensor, steps, groups)
    constant = weight_tensor(weights, rows.transpose(0, 2, 3, 1), 0)
    return _pending(imp, "transpose_conv2d", (tensor, constant, bias), attrs, rank + 2)


def _by_outputs(imp: Importer, op: Operator, x: Real, groups: int) -> QuantConstant:
    """The weights ``[outputs, inputs / groups, ...]`` of a transposed convolution.

    Scales go along the outputs of a group, which all groups share, or along the inputs, where each
    group has one. Raises InputError for groups that do not fit, UnsupportedError for other scales.
    """
    value = imp.value(op, 1)
    own = isinstance(value, QuantConstant) and value.axis == 0 and value.steps.shape[0] == groups
    weights = read_weights(imp, op, 1, 0 if own else 1)
    _check_rank(x, weights.steps)
    inputs, outputs, *taps = weights.steps.shape
    channels = x.view.shape[1]
    if groups < 1 or inputs % groups or inputs != channels:
        raise InputError(
            f"group is {groups} for {channels} channels and weights of {inputs}; as many weights "
            "as channels, in whole groups, are accepted"
        )
    steps = weights.steps.reshape(groups, -1, outputs, *taps).swapaxes(1, 2)
    scale = weights.scale
    if scale.size > 1:
        scale = scale.repeat(outputs) if own else np.tile(scale, groups)
    return replace(weights, steps=steps.reshape(groups * outputs, -1, *taps), scale=scale, axis=0)


def _check_rank(x: Real, steps: np.ndarray) -> None:
    rank = len(x.view.shape)
    if rank not in (3, 4) or steps.ndim != rank:
        raise UnsupportedError(
            f"input of shape {list(x.view.shape)} and weights of {list(steps.shape)}; one or two "
            "spatial axes are accepted"
        )


def _kernel(op: Operator, shape: tuple[int, ...]) -> tuple[int, ...]:
    kernel = tuple(op.attribute("kernel_shape", shape))
    if kernel != shape:
        raise InputError(f"kernel_shape is {list(kernel)}; the weights' {list(shape)} is accepted")
    return kernel


def _transposed_pads(
    op: Operator,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    extra: tuple[int, ...],
) -> list[tuple[int, int]]:
    """Pixels cut off each axis. An output shape wins over pads, as ONNX defines it."""
    rank = len(size)
    mode = op.expect("auto_pad", "NOTSET", *AUTO_PADS)
    given, wanted = read_pads(op, rank), op.attribute("output_shape")
    if wanted is None:
        if mode == "NOTSET":
            return given
        if mode == "VALID":
            return [(0, 0)] * rank
        wanted = [n * s for n, s in zip(size, stride, strict=True)]
    sides = []
    for i in range(rank):
        total = stride[i] * (size[i] - 1) + extra[i] + kernel[i] - wanted[-rank + i]
        if total < 0:
            raise UnsupportedError(
                f"output_shape is {list(wanted)}; at most what the windows cover is accepted"
            )
        small, large = total // 2, total - total // 2
        sides.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return sides


def _pending(
    imp: Importer, kind: str, inputs: tuple[Any, ...], attrs: dict[str, Any], rank: int
) -> Pending:
    result = imp.pending(kind, inputs, attrs)
    if rank == 4:
        return result
    _, _, width, channels = result.shape
    return Pending(kind, inputs, attrs, result.shape, channels_last((1, channels, width)))
