"""Fusion of additions into the convolutions before them."""

from __future__ import annotations

import dataclasses

from compiler.hwir.network import (
    Layer,
    Network,
    Residual,
)


def fuse_adds(network: Network) -> Network:
    """Let a convolution whose only reader is an addition do the addition on its way out.

    The convolution keeps its own requantisation and clamp, so that the values are the same. Its
    tensor then exists nowhere and is listed in ``fused``.
    """
    layers: list[Layer] = []
    fused = list(network.fused)
    readers = network.readers()
    for layer in network.layers:
        place = _partner(network, layers, layer, readers) if layer.kind == "add" else None
        if place is None:
            layers.append(layer)
            continue
        conv = layers.pop(place)
        fused.append(conv.output)
        layers.append(_fused(conv, layer))
    maps = {name: m for name, m in network.maps.items() if name not in fused}
    views = {name: v for name, v in network.views.items() if v.map not in fused}
    return dataclasses.replace(network, layers=layers, maps=maps, views=views, fused=fused)


def _partner(
    network: Network, layers: list[Layer], add: Layer, readers: dict[str, int]
) -> int | None:
    """Place in ``layers`` of the convolution to fuse with, the later one if both operands fit."""
    assert add.residual is not None
    if add.source == add.residual.other:
        return None
    for place in reversed(range(len(layers))):
        layer = layers[place]
        if layer.output not in (add.source, add.residual.other):
            continue
        made = network.maps[layer.output]
        suits = layer.weights is not None and layer.residual is None
        if suits and readers[made.name] == 1 and not (made.stored or made.parent):
            return place
    return None


def _fused(conv: Layer, add: Layer) -> Layer:
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
