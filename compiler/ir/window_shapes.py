"""Shapes of the operators with windows, and padding; InputError for what does not fit."""

from __future__ import annotations

from compiler.ir.any_axes import Shape, fail
from compiler.ir.graph import Node
from hw.spec.isa import Opcode, highest

MAX_KERNEL = highest(Opcode.EXECUTE, "kernel_rows", "tap_groups")
"""Rows or columns of a window of the array."""

MAX_STEP = highest(Opcode.EXECUTE, "row_dilation", "col_dilation", "col_stride", "wrap_y")
"""Strides and dilations of the array."""

Padding = tuple[int, int, int, int]


def window_span(kernel: int, dilation: int) -> int:
    """Pixels from the first to the last tap of a window along one axis, both counted."""
    return (kernel - 1) * dilation + 1


def same_padding(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Padding:
    """TFLite's SAME as explicit padding: ``ceil(size / stride)`` outputs, the odd pixel at the end.

    All pairs are (height, width) in pixels. The arithmetic is that of the TFLite kernels
    (``tensorflow/lite/kernels/padding.h``, ComputePaddingWithOffset).
    """
    sides: list[int] = []
    for extent, taps, step, spread in zip(size, kernel, stride, dilation, strict=True):
        outputs = -(-extent // step)
        total = max((outputs - 1) * step + window_span(taps, spread) - extent, 0)
        sides += [total // 2, total - total // 2]
    return sides[0], sides[1], sides[2], sides[3]


def need_rank(node: Node, role: str, shape: Shape, rank: int) -> None:
    """Raise InputError for an operand of another rank."""
    if len(shape) != rank:
        raise fail(node, f"{role} has shape {list(shape)}; {rank} dimensions are accepted")


def _windows(node: Node, shape: Shape, kernel: Shape, dilation: Shape) -> tuple[int, int]:
    """Output height and width of a window that slides over an NHWC input."""
    padding, stride = node.attrs["padding"], node.attrs["stride"]
    result = []
    for i, axis in enumerate(("height", "width")):
        size = shape[1 + i] + padding[2 * i] + padding[2 * i + 1]
        span = window_span(kernel[i], dilation[i])
        if span > size:
            raise fail(
                node, f"a window of {axis} {span} does not fit the padded input's {axis} {size}"
            )
        result.append((size - span) // stride[i] + 1)
    return result[0], result[1]


def check_bias(node: Node, bias: Shape, channels: int) -> None:
    """Raise InputError for a bias with other than one value per channel."""
    if len(node.inputs) == 3 and node.inputs[2] and bias != (channels,):
        raise fail(node, f"bias has shape {list(bias)}; [{channels}] is accepted")


def _check_groups(node: Node, x: Shape, weights: Shape) -> None:
    """Raise InputError for a map or weights that do not fit the groups."""
    groups = node.attrs["groups"]
    need_rank(node, "x", x, 4)
    need_rank(node, "weights", weights, 4)
    if x[3] != weights[3] * groups:
        raise fail(
            node,
            f"x has {x[3]} channels; weights {list(weights)} in {groups} groups accept "
            f"{weights[3] * groups}",
        )
    if weights[0] % groups:
        raise fail(node, f"{weights[0]} output channels are no multiple of groups {groups}")


def conv2d_shape(node: Node, shapes: list[Shape]) -> Shape:
    """The output's shape, NHWC: weights are [out, Kh, Kw, in of a group]."""
    x, weights = shapes[0], shapes[1]
    _check_groups(node, x, weights)
    check_bias(node, shapes[2], weights[0])
    height, width = _windows(node, x, weights[1:3], node.attrs["dilation"])
    return x[0], height, width, weights[0]


def depthwise_conv2d_shape(node: Node, shapes: list[Shape]) -> Shape:
    """The output's shape, NHWC: weights are [1, Kh, Kw, out]."""
    x, weights, multiplier = shapes[0], shapes[1], node.attrs["depth_multiplier"]
    need_rank(node, "x", x, 4)
    need_rank(node, "weights", weights, 4)
    if weights[0] != 1 or weights[3] != x[3] * multiplier:
        raise fail(
            node,
            f"weights have shape {list(weights)}; [1, Kh, Kw, {x[3] * multiplier}] is accepted "
            f"for {x[3]} channels and depth_multiplier {multiplier}",
        )
    check_bias(node, shapes[2], weights[3])
    height, width = _windows(node, x, weights[1:3], node.attrs["dilation"])
    return x[0], height, width, weights[3]


def transpose_conv2d_shape(node: Node, shapes: list[Shape]) -> Shape:
    """The output's shape, NHWC: weights are [out, Kh, Kw, in of a group]."""
    x, weights, attrs = shapes[0], shapes[1], node.attrs
    _check_groups(node, x, weights)
    check_bias(node, shapes[2], weights[0])
    sizes = []
    for i, axis in enumerate(("height", "width")):
        stride, extra = attrs["stride"][i], attrs["output_padding"][i]
        if extra >= stride:
            raise fail(
                node,
                f"output_padding {extra} of the {axis}; less than the stride {stride} is accepted",
            )
        crop = attrs["padding"][2 * i] + attrs["padding"][2 * i + 1]
        size = (x[1 + i] - 1) * stride + weights[1 + i] - crop + extra
        if size < 1:
            raise fail(node, f"the padding leaves {axis} {size}; 1 or more is accepted")
        sizes.append(size)
    return x[0], sizes[0], sizes[1], weights[0]


def pool2d_shape(node: Node, shapes: list[Shape]) -> Shape:
    """The output's shape, NHWC: the input's channels stay."""
    x, kernel, padding = shapes[0], node.attrs["kernel"], node.attrs["padding"]
    dilation = node.attrs.get("dilation", (1, 1))
    need_rank(node, "x", x, 4)
    spans = [window_span(kernel[i], dilation[i]) for i in (0, 1)]
    if max(padding[:2]) >= spans[0] or max(padding[2:]) >= spans[1]:
        what = "kernel" if dilation == (1, 1) else "window"
        raise fail(node, f"padding {list(padding)}; less than the {what} {spans} is accepted")
    height, width = _windows(node, x, kernel, dilation)
    return x[0], height, width, x[3]
