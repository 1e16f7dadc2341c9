"""Nodes that become one layer, remembered for networks that share most of their nodes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from compiler.hwir import constraints
from compiler.hwir.network import ArrayOp
from compiler.ir.graph import Tensor
from compiler.ir.ops import FUNCTIONS
from compiler.ir.window_shapes import Padding
from compiler.lru_cache import LruCache
from compiler.passes.context import Context
from compiler.passes.functions import function
from compiler.passes.needed import Work
from compiler.passes.operators import BUILDERS

LoweredNodes = LruCache[tuple[ArrayOp, tuple[Tensor, ...]]]
"""Array operations by all that determines them, with the tensors that the key names by identity."""


class Wanted(NamedTuple):
    """Requirements of the network around a node on its array operation.

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


def lower_node(c: Context, wanted: Wanted, known: LoweredNodes | None) -> ArrayOp:
    """The array operation of a node, from ``known`` if it was made before.

    Raises UnsupportedError for what the hardware cannot run.
    """
    if known is None:
        return _lowered(c, wanted)
    return known.get(_key(c, wanted), lambda: (_lowered(c, wanted), _tensors(c)))[0]


def _lowered(c: Context, wanted: Wanted) -> ArrayOp:
    if "kernel" in c.node.attrs:
        _check_pooling(c)
    op = function(c) if c.node.op in FUNCTIONS else BUILDERS[c.node.op](c)
    if any(wanted.padding):
        total = summed(op.padding, wanted.padding)
        note = f"pad {list(wanted.padding)} folded into the convolution's padding"
        op = dataclasses.replace(op, padding=total, notes=(*op.notes, note))
    if op.residual:
        residual = dataclasses.replace(op.residual, other=wanted.other)
        op = dataclasses.replace(op, residual=residual)
    constraints.check(
        c.node,
        constraints.Geometry(
            c.source,
            c.output,
            op.kernel,
            op.stride,
            op.dilation,
            op.padding,
            c.cols,
        ),
    )
    if wanted.moves:
        note = "1x1 convolution with weights 0 and 1: channels that do not fill words"
        return dataclasses.replace(op, kind="concatenation", sparse=True, notes=(note,))
    return dataclasses.replace(op, macs=wanted.work.needed, done=wanted.work.done)


def _check_pooling(c: Context) -> None:
    """Raise UnsupportedError for a window beyond what a layer can divide by."""
    attrs = c.node.attrs
    constraints.check(
        c.node,
        constraints.Geometry(
            c.source,
            c.output,
            attrs["kernel"],
            attrs["stride"],
            attrs.get("dilation", (1, 1)),
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
        only: Hashable = data.flat[0].item()
        return only
    if data.base is None and not data.flags.writeable:
        return id(data)
    return hashlib.sha256(np.ascontiguousarray(data).data).digest()
