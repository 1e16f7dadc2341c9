"""Sums and products of a map and constants for each channel, and crops, as passes of the array.

A product is a depthwise convolution whose taps, of the same pixel, sum to the constant without its
zero point. A sum has its constant as a map, made of zeros as weights and a bias, which joins on the
way out of the array. ``x - c`` is the sum of x and what is stored as ``-1 - c`` with the zero point
``-1 - z_c``.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from compiler.hwir import constraints
from compiler.hwir.feature_map import FeatureMap, View, Words, map_shape
from compiler.hwir.network import ArrayOp, Region, Requant, Residual
from compiler.ir.graph import Graph, Node, Tensor
from compiler.ir.window_shapes import MAX_STEP
from compiler.passes.arithmetic import add_fields, constant_requant, product_requant
from compiler.passes.context import Context
from compiler.passes.operators import INT8_MAX, INT8_MIN


def constant_of(graph: Graph, node: Node) -> Tensor | None:
    """The constant of an elementwise node that the array computes; None where it cannot."""
    a, b = (graph.tensors[name] for name in node.inputs)
    x, constant = (b, a) if a.is_constant else (a, b)
    y, function = graph.tensors[node.outputs[0]], node.attrs["function"]
    possible = function in ("add", "mul") or (function == "sub" and constant is b)
    channels = math.prod(constant.shape) in (1, constant.shape[-1])
    fits = constant.shape[-1] in (1, x.shape[-1]) and x.shape == y.shape
    return constant if constant.is_constant and possible and channels and fits else None


def with_constant(
    graph: Graph, node: Node, maps: dict[str, FeatureMap], views: dict[str, View], words: Words
) -> list[ArrayOp]:
    """The passes of an elementwise node; its maps and its view join ``maps`` and ``views``."""
    constant = constant_of(graph, node)
    assert constant is not None and constant.data is not None, node.name
    (x,) = (name for name in node.inputs if name != constant.name)
    y = graph.tensors[node.outputs[0]]
    source, output = maps[views[x].map], FeatureMap(y.name, *map_shape(y))
    context = Context(graph, node, source, output, words.cols)
    values = np.broadcast_to(constant.data.reshape(-1), (output.channels,)).astype(np.int64)
    build = _product if node.attrs["function"] == "mul" else _sum
    ops = build(context, x, constant.name, values, maps)
    for op in ops:
        _check(context, op)
    maps[output.name] = output
    views[output.name] = View(output.name)
    return ops


def crop(
    graph: Graph, node: Node, maps: dict[str, FeatureMap], views: dict[str, View], words: Words
) -> list[ArrayOp]:
    """Rows and columns of a map, some of them passed over, as a pass of one tap."""
    y = graph.tensors[node.outputs[0]]
    source, output = maps[views[node.inputs[0]].map], FeatureMap(y.name, *map_shape(y))
    context = Context(graph, node, source, output, words.cols)
    (top, left), step = ((1, *node.attrs[key])[-3:-1] for key in ("begin", "step"))
    if len(y.shape) < 4:
        top = 0
    whole = Region(0, output.height, 0, output.width, constant_requant(output.channels))
    op = context.op(
        depthwise=True,
        stride=step,
        regions=(dataclasses.replace(whole, start=(top, left)),),
        out_zero=0,
        out_min=INT8_MIN,
        out_max=INT8_MAX,
    )
    _check(context, op)
    maps[output.name] = output
    views[output.name] = View(output.name)
    return [op]


def crops_pixels(graph: Graph, node: Node) -> bool:
    """Whether a slice takes rows and columns of a map with all of its channels, forwards."""
    x, attrs = graph.tensors[node.inputs[0]].shape, node.attrs
    inner = (0, -1) if len(x) > 1 else (0,)
    whole = all(attrs["size"][axis] == x[axis] and attrs["step"][axis] == 1 for axis in inner)
    steps = attrs["step"][1:-1]
    return whole and 3 <= len(x) <= 4 and all(1 <= s <= MAX_STEP for s in steps)


def _product(
    c: Context, x: str, constant: str, values: np.ndarray, maps: dict[str, FeatureMap]
) -> list[ArrayOp]:
    a, b = c.qparams(x), c.qparams(constant)
    factors = values - b.zero_point
    taps: list[np.ndarray] = []
    while not taps or factors.any():
        taps.append(np.clip(factors, INT8_MIN, INT8_MAX))
        factors = factors - taps[-1]
    weights = np.stack(taps, axis=1).astype(np.int8)[:, None, :, None]
    one = product_requant(c.output.channels, a, b, c.y, c.where)
    requant = Requant(-a.zero_point * (values - b.zero_point), one.multiplier, one.left, one.right)
    return [
        c.op(
            kernel=(1, len(taps)),
            dilation=(0, 0) if len(taps) > 1 else (1, 1),
            depthwise=True,
            weights=weights,
            regions=c.whole(requant),
            notes=("depthwise convolution whose weights are the constant",),
            **c.clamp(),
        )
    ]


def _sum(
    c: Context, x: str, constant: str, values: np.ndarray, maps: dict[str, FeatureMap]
) -> list[ArrayOp]:
    b = c.qparams(constant)
    if c.node.attrs["function"] == "sub":
        values, b = -1 - values, dataclasses.replace(b, zero_point=-1 - b.zero_point)
    name = f"{c.node.name}/constant"
    while name in c.graph.tensors or name in maps:
        name += "'"
    made = FeatureMap(name, *c.output.extent)
    maps[name] = made
    channels, clamp = c.output.channels, c.clamp()
    identity = constant_requant(channels)
    filled = Context(c.graph, c.node, c.source, made, c.cols).op(
        name=name,
        kind="constant",
        depthwise=True,
        weights=np.zeros((channels, 1, 1, 1), np.int8),
        regions=c.whole(dataclasses.replace(identity, bias=values)),
        out_zero=0,
        out_min=INT8_MIN,
        out_max=INT8_MAX,
        notes=("the constant of each channel as a map",),
    )
    fields = add_fields(c.qparams(x), b, c.y, clamp["out_min"], clamp["out_max"], c.where)
    added = c.op(
        kind="add",
        depthwise=True,
        regions=c.whole(identity),
        residual=Residual(name, fields),
        out_zero=0,
        out_min=INT8_MIN,
        out_max=INT8_MAX,
    )
    return [filled, added]


def _check(c: Context, op: ArrayOp) -> None:
    geometry = constraints.Geometry(
        c.source, c.output, op.kernel, op.stride, op.dilation, op.padding, c.cols
    )
    constraints.check(c.node, geometry)
