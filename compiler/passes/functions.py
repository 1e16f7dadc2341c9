"""Functions of one value as the post-processor's table, or as its clamps where these suffice."""

from __future__ import annotations

import dataclasses

import numpy as np

from compiler.errors import UnsupportedError
from compiler.hwir.network import (
    ArrayOp,
    Network,
)
from compiler.ir.ops import FUNCTIONS
from compiler.passes.arithmetic import constant_requant
from compiler.passes.context import Context
from compiler.passes.operators import (
    INT8_MAX,
    INT8_MIN,
)
from golden.functions import function_table

_EVERY = np.arange(INT8_MIN, INT8_MAX + 1)


def function(c: Context) -> ArrayOp:
    """A function of one value as an array operation of one tap.

    Raises UnsupportedError for scales that its kernel does not take.
    """
    constants = {} if len(c.node.inputs) == 1 else {"table": c.data(1)}
    try:
        table = function_table(c.node.op, c.x, c.y, **c.node.attrs, **constants)
    except ValueError as fault:
        raise UnsupportedError(f"{c.where}: {fault}") from None
    moved = c.op(
        regions=c.whole(constant_requant(c.output.channels)),
        depthwise=True,
        out_zero=0,
        out_min=INT8_MIN,
        out_max=INT8_MAX,
    )
    return _applied(moved, table)


def fuse_functions(network: Network) -> Network:
    """Let a layer whose only reader is a function apply the function on its way out.

    So a function of a function is one table. The layer keeps its own requantisation, residual and
    clamps, so that the values are the same. Its tensor then exists nowhere and is listed in
    ``fused``.
    """
    ops: list[ArrayOp] = []
    places: dict[str, int] = {}
    fused = list(network.fused)
    readers = network.readers()
    for op in network.ops:
        place = places.get(op.source) if op.kind in FUNCTIONS else None
        source = network.maps[op.source]
        alone = readers[op.source] == 1 and not (source.stored or source.parent)
        if place is None or not alone:
            places[op.output] = len(ops)
            ops.append(op)
            continue
        fused.append(op.source)
        ops[place] = _fused(ops[place], op)
        places[op.output] = place
    maps = {name: m for name, m in network.maps.items() if name not in fused}
    views = {name: v for name, v in network.views.items() if v.map not in fused}
    return dataclasses.replace(network, ops=ops, maps=maps, views=views, fused=fused)


def _fused(op: ArrayOp, after: ArrayOp) -> ArrayOp:
    changed = dataclasses.replace(
        op,
        kind=f"{op.kind}+{after.kind}",
        output=after.output,
        notes=(*op.notes, f"{after.name} on the way out of the array"),
    )
    return _applied(changed, _results(after))


def _results(op: ArrayOp) -> np.ndarray:
    """Results of a function's layer for -128 to 127, int8 ``[256]``."""
    clamped = np.clip(_EVERY, op.out_min, op.out_max)
    return (clamped if op.table is None else op.table[clamped + 128]).astype(np.int8)


def _applied(op: ArrayOp, table: np.ndarray) -> ArrayOp:
    """The layer with ``table`` after what it computes; narrower clamps where these do the same."""
    if op.table is not None:
        return dataclasses.replace(op, table=table[op.table.astype(np.int64) + 128])
    low, high = int(table[0]), int(table[-1])
    if low > high or np.any(table != np.clip(_EVERY, low, high)):
        return dataclasses.replace(op, table=table)
    if op.residual is None:
        return dataclasses.replace(
            op,
            out_min=_limited(op.out_min, low, high),
            out_max=_limited(op.out_max, low, high),
        )
    fields = dict(op.residual.fields)
    fields |= {key: _limited(fields[key], low, high) for key in ("add_min", "add_max")}
    return dataclasses.replace(op, residual=dataclasses.replace(op.residual, fields=fields))


def _limited(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)
