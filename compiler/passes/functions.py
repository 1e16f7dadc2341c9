"""Functions of one value as the post-processor's table, or as its clamps where these suffice."""

from __future__ import annotations

import dataclasses

import numpy as np

from compiler.errors import UnsupportedError
from compiler.hwir.network import (
    Layer,
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


def function(c: Context) -> Layer:
    """A function of one value as a pass of one tap."""
    constants = {} if len(c.node.inputs) == 1 else {"table": c.data(1)}
    try:
        table = function_table(c.node.op, c.x, c.y, **c.node.attrs, **constants)
    except ValueError as fault:
        raise UnsupportedError(f"{c.where}: {fault}") from None
    moved = c.layer(
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
    layers: list[Layer] = []
    places: dict[str, int] = {}
    fused = list(network.fused)
    readers = network.readers()
    for layer in network.layers:
        place = places.get(layer.source) if layer.kind in FUNCTIONS else None
        source = network.maps[layer.source]
        alone = readers[layer.source] == 1 and not (source.stored or source.parent)
        if place is None or not alone:
            places[layer.output] = len(layers)
            layers.append(layer)
            continue
        fused.append(layer.source)
        layers[place] = _fused(layers[place], layer)
        places[layer.output] = place
    maps = {name: m for name, m in network.maps.items() if name not in fused}
    views = {name: v for name, v in network.views.items() if v.map not in fused}
    return dataclasses.replace(network, layers=layers, maps=maps, views=views, fused=fused)


def _fused(layer: Layer, after: Layer) -> Layer:
    changed = dataclasses.replace(
        layer,
        kind=f"{layer.kind}+{after.kind}",
        output=after.output,
        notes=(*layer.notes, f"{after.name} on the way out of the array"),
    )
    return _applied(changed, _results(after))


def _results(layer: Layer) -> np.ndarray:
    """Results of a function's layer for -128 to 127, int8 ``[256]``."""
    clamped = np.clip(_EVERY, layer.out_min, layer.out_max)
    return (clamped if layer.table is None else layer.table[clamped + 128]).astype(np.int8)


def _applied(layer: Layer, table: np.ndarray) -> Layer:
    """The layer with ``table`` after what it computes; narrower clamps where these do the same."""
    if layer.table is not None:
        return dataclasses.replace(layer, table=table[layer.table.astype(np.int64) + 128])
    low, high = int(table[0]), int(table[-1])
    if low > high or np.any(table != np.clip(_EVERY, low, high)):
        return dataclasses.replace(layer, table=table)
    if layer.residual is None:
        return dataclasses.replace(
            layer,
            out_min=_limited(layer.out_min, low, high),
            out_max=_limited(layer.out_max, low, high),
        )
    fields = dict(layer.residual.fields)
    fields |= {key: _limited(fields[key], low, high) for key in ("add_min", "add_max")}
    return dataclasses.replace(layer, residual=dataclasses.replace(layer.residual, fields=fields))


def _limited(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)
