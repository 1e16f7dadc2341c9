"""Fusion of additions into the convolutions before them."""

from __future__ import annotations

import dataclasses

from compiler.hwir.network import (
    ArrayOp,
    Network,
    Residual,
)


def fuse_adds(network: Network) -> Network:
    """Let a convolution whose only reader is an addition do the addition on its way out.

    The convolution keeps its own requantisation and clamp, so that the values are the same. Its
    tensor then exists nowhere and is listed in ``fused``.
    """
    ops: list[ArrayOp] = []
    fused = list(network.fused)
    readers = network.readers()
    for op in network.ops:
        place = _partner(network, ops, op, readers) if op.kind == "add" else None
        if place is None:
            ops.append(op)
            continue
        conv = ops.pop(place)
        fused.append(conv.output)
        ops.append(_fused(conv, op))
    maps = {name: m for name, m in network.maps.items() if name not in fused}
    views = {name: v for name, v in network.views.items() if v.map not in fused}
    return dataclasses.replace(network, ops=ops, maps=maps, views=views, fused=fused)


def _partner(
    network: Network, ops: list[ArrayOp], add: ArrayOp, readers: dict[str, int]
) -> int | None:
    """Place in ``layers`` of the convolution to fuse with, the later one if both operands fit."""
    assert add.residual is not None
    if add.source == add.residual.other:
        return None
    for place in reversed(range(len(ops))):
        op = ops[place]
        if op.output not in (add.source, add.residual.other):
            continue
        made = network.maps[op.output]
        suits = op.weights is not None and op.residual is None
        if suits and readers[made.name] == 1 and not (made.stored or made.parent):
            return place
    return None


def _fused(conv: ArrayOp, add: ArrayOp) -> ArrayOp:
    assert add.residual is not None
    fields, other = add.residual.fields, add.residual.other
    if conv.output == other:
        fields, other = _swapped(fields), add.source
    return dataclasses.replace(
        conv,
        kind=f"{conv.kind}+add",
        output=add.output,
        residual=Residual(other, fields),
        notes=(*conv.notes, f"{add.name} on the way out of the array"),
    )


def _swapped(fields: dict[str, int]) -> dict[str, int]:
    """The addition with its operands exchanged; the sum of the rescaled ones commutes."""
    swap = {"a_": "b_", "b_": "a_"}
    return {swap.get(key[:2], key[:2]) + key[2:]: value for key, value in fields.items()}
