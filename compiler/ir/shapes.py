"""Shape inference: the shape of an operator's output from its inputs and attributes."""

from __future__ import annotations

import math
from collections.abc import Callable

from compiler.errors import show
from compiler.ir import any_axes
from compiler.ir.any_axes import fail as _fail
from compiler.ir.graph import Node, Tensor
from compiler.ir.ops import FUNCTIONS
from compiler.ir.window_shapes import (
    check_bias,
    conv2d_shape,
    depthwise_conv2d_shape,
    need_rank,
    pool2d_shape,
    transpose_conv2d_shape,
)

Shape = tuple[int, ...]


def infer_shape(node: Node, tensors: dict[str, Tensor]) -> Shape:
    """The shape of the node's output.

    ``node`` has the inputs and attributes that ``compiler.ir.ops`` lists. Raises InputError where
    the shapes of the inputs and the attributes do not go together.
    """
    shapes = [tensors[name].shape if name else () for name in node.inputs]
    return _INFERENCE[node.op](node, shapes)


def fully_connected_shape(x: Shape, weights: Shape) -> Shape:
    """The output of weights ``[Co, Ci]``: one row for each position of a last axis of Ci values, or
    for every Ci values."""
    rows = math.prod(x) // weights[1]
    return (*x[:-1], weights[0]) if x[-1] == weights[1] and rows > 1 else (rows, weights[0])


def _fully_connected(node: Node, shapes: list[Shape]) -> Shape:
    x, weights = shapes[0], shapes[1]
    need_rank(node, "weights", weights, 2)
    if math.prod(x) % weights[1]:
        raise _fail(
            node,
            f"x has shape {list(x)}; a multiple of {weights[1]} elements is accepted "
            f"(weights {list(weights)})",
        )
    check_bias(node, shapes[2], weights[0])
    return fully_connected_shape(x, weights)


def _add(node: Node, shapes: list[Shape]) -> Shape:
    if shapes[0] != shapes[1]:
        raise _fail(
            node, f"shapes {list(shapes[0])} and {list(shapes[1])} differ; equal ones are accepted"
        )
    return shapes[0]


def _mul(node: Node, shapes: list[Shape]) -> Shape:
    """Equal shapes, or one operand with one value per channel."""
    large, small = sorted(shapes[:2], key=math.prod, reverse=True)
    per_channel = len(large) == len(small) and small[-1] == large[-1] == math.prod(small)
    if large != small and not per_channel:
        raise _fail(
            node,
            f"shapes {list(shapes[0])} and {list(shapes[1])}; equal ones, or one of them "
            "with one value per channel, are accepted",
        )
    return large


def _concatenation(node: Node, shapes: list[Shape]) -> Shape:
    first = shapes[0][:-1]
    for shape in shapes[1:]:
        if shape[:-1] != first:
            raise _fail(
                node,
                f"shapes {list(shapes[0])} and {list(shape)} differ before the channels; "
                "equal ones are accepted",
            )
    return *first, sum(shape[-1] for shape in shapes)


def _pad(node: Node, shapes: list[Shape]) -> Shape:
    x, (top, bottom, left, right) = shapes[0], node.attrs["padding"]
    need_rank(node, "x", x, 4)
    return x[0], x[1] + top + bottom, x[2] + left + right, x[3] + sum(node.attrs["channel_padding"])


def _mean(node: Node, shapes: list[Shape]) -> Shape:
    need_rank(node, "x", shapes[0], 4)
    return shapes[0][0], 1, 1, shapes[0][3]


def _slice(node: Node, shapes: list[Shape]) -> Shape:
    begin, size, channels = node.attrs["begin"], node.attrs["size"], shapes[0][-1]
    if begin + size > channels:
        raise _fail(node, f"channels {begin} to {begin + size}; x has {channels}")
    return *shapes[0][:-1], size


def _channel_shuffle(node: Node, shapes: list[Shape]) -> Shape:
    if shapes[0][-1] % node.attrs["groups"]:
        raise _fail(
            node, f"{shapes[0][-1]} channels are no multiple of groups {node.attrs['groups']}"
        )
    return shapes[0]


def _resize(node: Node, shapes: list[Shape]) -> Shape:
    need_rank(node, "x", shapes[0], 4)
    if node.attrs["align_corners"] and node.attrs["half_pixel_centers"]:
        raise _fail(node, "align_corners and half_pixel_centers; at most one is accepted")
    return shapes[0][0], *node.attrs["size"], shapes[0][3]


def _layer_norm(node: Node, shapes: list[Shape]) -> Shape:
    for role, shape in zip(("gamma", "beta"), shapes[1:], strict=True):
        if shape != shapes[0][-1:]:
            raise _fail(node, f"{role} has shape {list(shape)}; {list(shapes[0][-1:])} is accepted")
    return shapes[0]


def _lookup(node: Node, shapes: list[Shape]) -> Shape:
    if shapes[1] != (256,):
        raise _fail(node, f"table has shape {list(shapes[1])}; [256] is accepted")
    return shapes[0]


def _reshape(node: Node, shapes: list[Shape]) -> Shape:
    shape: Shape = node.attrs["shape"]
    if math.prod(shape) != math.prod(shapes[0]):
        raise _fail(
            node,
            f"shape {list(shape)} has {math.prod(shape)} elements; x {list(shapes[0])} has "
            f"{math.prod(shapes[0])}",
        )
    return shape


def _rearrange(node: Node, shapes: list[Shape]) -> Shape:
    _check_layout(node, "x", shapes[0], node.attrs["layout"])
    return _reshape(node, shapes)


def _host(node: Node, shapes: list[Shape]) -> Shape:
    layouts = node.attrs["layouts"]
    if len(layouts) != len(shapes) + 1:
        raise _fail(node, f"{len(layouts)} layouts; {len(shapes) + 1} are accepted")
    for index, (shape, layout) in enumerate(zip(shapes, layouts, strict=False)):
        _check_layout(node, f"operand {index}", shape, layout)
    _check_layout(node, "the result", node.attrs["shape"], layouts[-1])
    return tuple(node.attrs["shape"])


def _check_layout(node: Node, role: str, shape: Shape, layout: dict[str, list[int]]) -> None:
    if math.prod(layout["split"]) != math.prod(shape):
        raise _fail(
            node,
            f"{role} has shape {list(shape)} and layout {show(layout)}; one of as many elements is "
            "accepted",
        )


def _same(node: Node, shapes: list[Shape]) -> Shape:
    return shapes[0]


_INFERENCE: dict[str, Callable[[Node, list[Shape]], Shape]] = {
    "conv2d": conv2d_shape,
    "depthwise_conv2d": depthwise_conv2d_shape,
    **dict.fromkeys(FUNCTIONS, _same),
    "transpose_conv2d": transpose_conv2d_shape,
    "fully_connected": _fully_connected,
    "add": _add,
    "mul": _mul,
    "mean": _mean,
    "slice": _slice,
    "channel_shuffle": _channel_shuffle,
    "resize": _resize,
    "layer_norm": _layer_norm,
    "lookup": _lookup,
    "concatenation": _concatenation,
    "avg_pool2d": pool2d_shape,
    "max_pool2d": pool2d_shape,
    "pad": _pad,
    "reshape": _reshape,
    "rearrange": _rearrange,
    "host": _host,
    "quantize": _same,
    "softmax": _same,
    **any_axes.INFERENCE,
}
