"""Nodes that become one layer, remembered for networks that share most of their nodes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from compiler.hwir.network import Layer
from compiler.ir.graph import Tensor
from compiler.ir.ops import FUNCTIONS
from compiler.ir.shapes import Padding
from compiler.lru_cache import LruCache
from compiler.passes import constraints
from compiler.passes.context import Context
from compiler.passes.functions import function
from compiler.passes.needed import Work
from compiler.passes.operators import BUILDERS

Layers = LruCache[tuple[Layer, tuple[Tensor, ...]]]
"""Layers by all that they follow from, with the tensors that the key names by identity."""


class Wanted(NamedTuple):
    """Requirements of the network around a node on its layer.

    ``padding`` joins the node's own; ``other`` is the map of an addition's second operand, else "";
    ``work`` is that of the node; ``moves`` says that it is a convolution that only moves channels.
    """

    padding: Padding
    other: str
    work: Work
    moves: bool


def summed(a: Padding, b: Padding) -> Padding:
    """The padding of two pads one after the other."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


def single(c: Context, wanted: Wanted, known: Layers | None) -> Layer:
    """The layer of a node, from ``known`` if it was made before.

    Raises UnsupportedError for what the hardware cannot run.
    """
    if known is None:
        return _layer(c, wanted)
    return known.get(_key(c, wanted), lambda: (_layer(c, wanted), _tensors(c)))[0]


def _layer(c: Context, wanted: Wanted) -> Layer:
    if "kernel" in c.node.attrs:
        _check_pool(c)
    layer = function(c) if c.node.op in FUNCTIONS else BUILDERS[c.node.op](c)
    if any(wanted.padding):
        total = summed(layer.padding, wanted.padding)
        note = f"pad {list(wanted.padding)} folded into the convolution's padding"
        layer = dataclasses.replace(layer, padding=total, notes=(*layer.notes, note))
    if layer.residual:
        residual = dataclasses.replace(layer.residual, other=wanted.other)
        layer = dataclasses.replace(layer, residual=residual)
    constraints.check(
        c.node,
        constraints.Geometry(
            c.source,
            c.output,
            layer.kernel,
            layer.stride,
            layer.dilation,
            layer.padding,
            c.cols,
        ),
    )
    if wanted.moves:
        note = "1x1 convolution with weights 0 and 1: channels that do not fill words"
        return dataclasses.replace(layer, kind="concatenation", sparse=True, notes=(note,))
    return dataclasses.replace(layer, macs=wanted.work.needed, done=wanted.work.done)


def _check_pool(c: Context) -> None:
    """Raise UnsupportedError for a window beyond what a layer can divide by."""
    attrs = c.node.attrs
    constraints.check(
        c.node,
        constraints.Geometry(
            c.source,
            c.output,
            attrs["kernel"],
            attrs["stride"],
            (1, 1),
            attrs["padding"],
            c.cols,
        ),
    )


def _key(c: Context, wanted: Wanted) -> Hashable:
    """All that the layer follows from.

    Of the nodes before it only what limits the values that a fully connected layer reads counts.
    """
    limits = c.source_range() if c.node.op == "fully_connected" else None
    return (
        c.node.name,
        c.node.op,
        c.node.inputs,
        c.node.outputs,
        tuple(c.node.attrs.items()),
        c.source,
        c.output,
        c.cols,
        limits,
        wanted,
        *((t.shape, t.dtype, t.quant, _content(t.data)) for t in _tensors(c)),
    )


def _tensors(c: Context) -> tuple[Tensor, ...]:
    """The tensors that the node reads and makes."""
    names = (*c.node.inputs, *c.node.outputs)
    return tuple(c.graph.tensors[name] for name in names if name)


def _content(data: np.ndarray | None) -> Hashable:
    """Key for an array's values; of an array that nobody can write to, its identity."""
    if data is None:
        return None
    if not any(data.strides):
        return data.flat[0].item()
    if data.base is None and not data.flags.writeable:
        return id(data)
    return hashlib.sha256(np.ascontiguousarray(data).data).digest()
