"""One function per operator: a node as a layer of the array."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.hwir.network import ArrayOp, Region, Residual
from compiler.passes.arithmetic import (
    accumulator_limits,
    add_fields,
    average_requant,
    constant_requant,
    conv_requant,
    folded_bias,
    mean_requant,
    requantize_requant,
)
from compiler.passes.channel_moves.gather import channel_shuffle, channel_slice, pad_channels
from compiler.passes.context import Context
from compiler.passes.exact_scale import exact_requant
from golden.quant import conv_multipliers, effective_scales

INT8_MIN, INT8_MAX = -128, 127


def conv2d(c: Context) -> ArrayOp:
    """A convolution; one group per channel makes it depthwise."""
    groups, weights = c.node.attrs["groups"], c.data(1)
    assert weights is not None
    depthwise = groups > 1 and groups == c.source.channels == c.output.channels
    return _convolution(c, weights, groups, depthwise)


def depthwise_conv2d(c: Context) -> ArrayOp:
    """A depthwise convolution; a multiplier above 1 makes it a grouped convolution."""
    data = c.data(1)
    assert data is not None
    weights = np.ascontiguousarray(data[0].transpose(2, 0, 1))[..., None]
    return _convolution(c, weights, c.source.channels, c.node.attrs["depth_multiplier"] == 1)


def _convolution(c: Context, weights: np.ndarray, groups: int, depthwise: bool) -> ArrayOp:
    """A convolution with weights ``[out, Kh, Kw, in of a group]``."""
    attrs, scales = c.node.attrs, c.quant(c.node.inputs[1]).scale
    multipliers, shifts = conv_multipliers(c.x.scale, np.asarray(scales), c.y.scale)
    requant = conv_requant(weights, c.data(2), c.x.zero_point, multipliers, shifts, c.where)
    return c.op(
        kernel=weights.shape[1:3],
        stride=attrs["stride"],
        dilation=attrs["dilation"],
        padding=attrs["padding"],
        pad_value=c.x.zero_point,
        regions=c.whole(requant),
        weights=weights,
        groups=groups,
        depthwise=depthwise,
        **c.clamp(),
    )


def fully_connected(c: Context) -> ArrayOp:
    """A fully connected layer as a convolution whose kernel is the whole map, or one pixel of
    it."""
    data, source = c.data(1), c.source
    assert data is not None, c.where
    kernel = (1, 1) if c.output.pixels > 1 else (source.height, source.width)
    assert data.shape[1] == kernel[0] * kernel[1] * source.channels, c.where
    weights = data.reshape(-1, *kernel, source.channels)
    clamp, (low, high) = c.clamp(), c.source_range()
    scales = effective_scales(c.x.scale, np.asarray(c.quant(c.node.inputs[1]).scale), c.y.scale)
    bias = folded_bias(weights, c.data(2), c.x.zero_point)
    requant = exact_requant(
        np.broadcast_to(scales, bias.shape),
        bias,
        accumulator_limits(weights, c.data(2), low - c.x.zero_point, high - c.x.zero_point),
        (clamp["out_min"] - c.y.zero_point, clamp["out_max"] - c.y.zero_point),
        c.where,
    )
    flat = (f"flattens {source.height}x{source.width}",) if kernel != (1, 1) else ()
    return c.op(
        kernel=weights.shape[1:3],
        pad_value=c.x.zero_point,
        regions=c.whole(requant),
        weights=weights,
        notes=flat,
        round_once=True,
        **clamp,
    )


def add(c: Context) -> ArrayOp:
    """An addition: the first operand passes the array, the second joins on the way out."""
    a, b = c.node.inputs
    clamp = c.clamp()
    fields = add_fields(
        c.qparams(a), c.qparams(b), c.y, clamp["out_min"], clamp["out_max"], c.where
    )
    return c.op(
        regions=c.whole(constant_requant(c.output.channels)),
        depthwise=True,
        residual=Residual(b, fields),
        out_zero=0,
        out_min=INT8_MIN,
        out_max=INT8_MAX,
    )


def avg_pool2d(c: Context) -> ArrayOp:
    """Average pooling, in rectangles of outputs whose windows hold equally many pixels.

    Whole rows leave the array faster than parts of rows. So the widest rectangle of some rows takes
    all of them, and those next to it come later and compute their pixels again.
    """
    attrs = c.node.attrs
    (top, _, left, _), kernel, stride = attrs["padding"], attrs["kernel"], attrs["stride"]
    if attrs["count_include_pad"]:
        pad_value = c.x.zero_point
        rows = [(0, c.output.height, kernel[0])]
        cols = [(0, c.output.width, kernel[1])]
    else:
        pad_value = 0
        rows = count_classes(c.source.height, c.output.height, kernel[0], stride[0], top)
        cols = count_classes(c.source.width, c.output.width, kernel[1], stride[1], left)
    requants = {
        n * m: average_requant(c.output.channels, n * m) for *_, n in rows for *_, m in cols
    }
    widest = max(cols, key=lambda c: c[1] - c[0])
    areas = [(0, c.output.width, widest[2]), *(col for col in cols if col != widest)]
    regions = tuple(
        Region(y0, y1, x0, x1, requants[n * m]) for y0, y1, n in rows for x0, x1, m in areas
    )
    notes = (f"{len(regions)} rectangles of equal divisor",) if len(regions) > 1 else ()
    clamp = c.clamp()
    return c.op(
        kernel=kernel,
        stride=stride,
        padding=attrs["padding"],
        pad_value=pad_value,
        regions=regions,
        depthwise=True,
        out_zero=0,
        out_min=clamp["out_min"],
        out_max=clamp["out_max"],
        notes=notes,
    )


def count_classes(
    size: int, outputs: int, kernel: int, stride: int, before: int
) -> list[tuple[int, int, int]]:
    """Runs ``(first, end, count)`` of outputs whose windows hold ``count`` of ``size`` pixels."""
    runs: list[tuple[int, int, int]] = []
    for i in range(outputs):
        start = i * stride - before
        count = min(start + kernel, size) - max(start, 0)
        if runs and runs[-1][2] == count:
            runs[-1] = (runs[-1][0], i + 1, count)
        else:
            runs.append((i, i + 1, count))
    return runs


def max_pool2d(c: Context) -> ArrayOp:
    """Maximum pooling; padding is the smallest value and never wins over a pixel."""
    attrs, clamp = c.node.attrs, c.clamp()
    return c.op(
        kernel=attrs["kernel"],
        stride=attrs["stride"],
        dilation=attrs["dilation"],
        padding=attrs["padding"],
        pad_value=INT8_MIN,
        regions=c.whole(constant_requant(c.output.channels)),
        depthwise=True,
        maximum=True,
        out_zero=0,
        out_min=clamp["out_min"],
        out_max=clamp["out_max"],
    )


def mean(c: Context) -> ArrayOp:
    """The mean over the whole map."""
    kernel = c.source.height, c.source.width
    requant = mean_requant(c.output.channels, c.source.pixels, c.x, c.y, c.where)
    return c.op(kernel=kernel, depthwise=True, regions=c.whole(requant), **c.clamp())


def pad(c: Context) -> ArrayOp:
    """Padding: an operation of one tap that reads beyond the map; of channels, a move."""
    if any(c.node.attrs["channel_padding"]):
        return pad_channels(c)
    return c.op(
        padding=c.node.attrs["padding"],
        pad_value=c.x.zero_point,
        depthwise=True,
        regions=c.whole(constant_requant(c.output.channels)),
        out_zero=0,
        out_min=INT8_MIN,
        out_max=INT8_MAX,
    )


def quantize(c: Context) -> ArrayOp:
    """Requantisation as an array operation of one tap."""
    requant = requantize_requant(c.output.channels, c.x, c.y, c.where)
    return c.op(depthwise=True, regions=c.whole(requant), **c.clamp())


BUILDERS: dict[str, Callable[[Context], ArrayOp]] = {
    "conv2d": conv2d,
    "depthwise_conv2d": depthwise_conv2d,
    "fully_connected": fully_connected,
    "add": add,
    "avg_pool2d": avg_pool2d,
    "max_pool2d": max_pool2d,
    "mean": mean,
    "pad": pad,
    "slice": channel_slice,
    "channel_shuffle": channel_shuffle,
    "quantize": quantize,
}
