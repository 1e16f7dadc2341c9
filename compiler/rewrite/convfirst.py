"""MBConv and ConvNeXt blocks as ConvFirst blocks, Lavin, arXiv 2404.03617.

A grouped 3x3 convolution of groups of eight channels, without activation, comes first; then the
expansion and the projection that the block has. The activation stays the block's own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from compiler.rewrite.change import Change, at_random, change
from compiler.rewrite.layer import Layer
from compiler.rewrite.network import Network, Step

NAME = "convfirst"
GROUP_WIDTH = 8


def convfirst(network: Network, chosen: Collection[str]) -> list[Change]:
    """Replace the blocks whose layers are chosen; the grouped layers start at random."""
    changes = []
    for step in list(network.steps):
        if step.layer is None or step.layer.dense:
            continue
        found = _mbconv(network, step) or _convnext(network, step)
        if found and all(s.name in chosen for s in found):
            changes.append(_replace(network, found))
    return changes


def _mbconv(network: Network, first: Step) -> list[Step]:
    """Expansion, depthwise or grouped convolution and projection, if the block begins here."""
    _, second = network.after(first.outputs[0])
    if second is None or not _expands(first.layer) or not _is_spatial(second.layer):
        return []
    _, third = network.after(second.outputs[0])
    return [first, second, third] if third is not None and _projects(third.layer) else []


def _convnext(network: Network, first: Step) -> list[Step]:
    """A depthwise convolution before an expansion and a projection."""
    _, second = network.after(first.outputs[0])
    if second is None or not _is_spatial(first.layer) or not _expands(second.layer):
        return []
    _, third = network.after(second.outputs[0])
    return [first, second, third] if third is not None and _projects(third.layer) else []


def _expands(layer: Layer | None) -> bool:
    fits = layer is not None and layer.inputs % GROUP_WIDTH == 0 and layer.stride == (1, 1)
    return fits and layer is not None and layer.pointwise and layer.outputs > layer.inputs


def _projects(layer: Layer | None) -> bool:
    return layer is not None and layer.pointwise and layer.outputs < layer.inputs


def _is_spatial(layer: Layer | None) -> bool:
    if layer is None or layer.dense or layer.groups == 1 or layer.outputs != layer.inputs:
        return False
    height, width = layer.kernel
    return height == width > 1 and height % 2 == 1


def _replace(network: Network, block: list[Step]) -> Change:
    spatial = next(step for step in block if _is_spatial(step.layer))
    expand = next(step for step in block if _expands(step.layer))
    assert spatial.layer is not None and expand.layer is not None
    grouped = _grouped(spatial.layer, expand.layer.inputs)
    (made,), state = at_random(network, [grouped])
    end, _ = network.after(spatial.outputs[0])
    if spatial is block[0]:
        source = spatial.inputs[0]
    else:
        source, _ = network.after(expand.outputs[0])
    network.bypass(end, source)
    network.replace(expand.layer.name, [made, expand.layer], None)
    return change(NAME, [spatial.layer], [made], state)


def _grouped(layer: Layer, channels: int) -> Layer:
    """The 3x3 convolution over groups of eight in the place of a spatial layer."""
    rows, columns = layer.dilation
    excess = [k // 2 * d for k, d in zip(layer.kernel, layer.dilation, strict=True)]
    top, bottom, left, right = layer.padding
    return replace(
        layer,
        name=f"{layer.name}/grouped",
        shape=(channels, GROUP_WIDTH, 3, 3),
        groups=channels // GROUP_WIDTH,
        padding=(
            max(top - excess[0] + rows, 0),
            max(bottom - excess[0] + rows, 0),
            max(left - excess[1] + columns, 0),
            max(right - excess[1] + columns, 0),
        ),
        biased=layer.biased,
        values=None,
        bias=None,
    )
