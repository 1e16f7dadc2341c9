"""Context modules of stacked convolutions as depthwise and dilated ones.

Chen et al., arXiv 2104.14125. Branches of regular convolutions from one map to one concatenation
become one depthwise 3x3 each, dilated to the branch's field, and a pointwise layer: the form that
meets the paper's counts of weights and multiply-accumulates. The weights have no common form.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from compiler.rewrite.change import Change, at_random, change
from compiler.rewrite.layer import Layer
from compiler.rewrite.network import CONCATENATION, FUNCTION, Network, Step

NAME = "ddc"


@dataclass(frozen=True)
class _Branch:
    """Steps with layers from the concatenation backwards to ``source``."""

    layers: tuple[Step, ...]
    source: str

    @property
    def reach(self) -> int:
        """Pixels from the centre of the branch's field to its border."""
        return sum(_layer(step).kernel[0] // 2 * _layer(step).dilation[0] for step in self.layers)


def ddc(network: Network, chosen: Collection[str]) -> list[Change]:
    """Replace the modules whose layers are chosen; layers start at random."""
    changes = []
    for step in list(network.steps):
        branches = _branches(network, step) if step.kind == CONCATENATION else []
        if branches and all(s.name in chosen for b in branches for s in b.layers):
            changes.append(_replace(network, branches))
    return changes


def _layer(step: Step) -> Layer:
    assert step.layer is not None
    return step.layer


def _branches(network: Network, concatenation: Step) -> list[_Branch]:
    """The branches into a concatenation, if all are stacks of convolutions on one map."""
    walks = [_walk(network, name) for name in concatenation.inputs]
    if len(walks) < 2:
        return []
    tensors = [[source for _, source in walk] for walk in walks]
    common = next((t for t in tensors[0] if all(t in other for other in tensors)), None)
    if common is None:
        return []
    ends = [[source for _, source in walk].index(common) + 1 for walk in walks]
    found = [
        _Branch(tuple(s for s, _ in walk[:end]), common)
        for walk, end in zip(walks, ends, strict=True)
    ]
    deep = max(len(branch.layers) for branch in found) > 1
    return found if deep and len({branch.reach for branch in found}) == len(found) else []


def _walk(network: Network, tensor: str) -> list[tuple[Step, str]]:
    """Layers that keep the map's size, from ``tensor`` backwards, each with what it reads."""
    walk: list[tuple[Step, str]] = []
    step = network.maker(tensor)
    while step is not None and (step.kind == FUNCTION or _is_same(step.layer)):
        if step.layer is not None:
            walk.append((step, step.inputs[0]))
        step = network.maker(step.inputs[0])
    return walk


def _is_same(layer: Layer | None) -> bool:
    if layer is None or not layer.regular or layer.dense or layer.stride != (1, 1):
        return False
    (height, width), (rows, columns) = layer.kernel, layer.dilation
    reach = height // 2 * rows
    square = height == width > 1 and height % 2 == 1 and rows == columns
    return square and layer.padding == (reach,) * 4


def _replace(network: Network, branches: list[_Branch]) -> Change:
    old = {step.name: _layer(step) for branch in branches for step in branch.layers}
    inputs = _layer(branches[0].layers[-1]).inputs
    made: list[Layer] = []
    state = ""
    for branch in branches:
        last = _layer(branch.layers[0])
        spread = (branch.reach, branch.reach)
        depthwise = Layer(
            f"{last.name}/depthwise",
            (inputs, 1, 3, 3),
            inputs,
            dilation=spread,
            padding=(*spread, *spread),
        )
        pointwise = replace(
            Layer(f"{last.name}/pointwise", (last.outputs, inputs, 1, 1)), biased=last.biased
        )
        chain, state = at_random(network, [depthwise, pointwise])
        network.replace(last.name, chain, branch.source)
        made += chain
    return change(NAME, list(old.values()), made, state)
