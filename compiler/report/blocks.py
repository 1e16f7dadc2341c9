"""The network as layers that hand maps to one another, and the blocks that they form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.codegen.compiled import Compiled
from compiler.hwir.feature_map import FeatureMap, origin
from compiler.schedule.op_plan import OpPlan


@dataclass(frozen=True)
class Edge:
    """Layer ``reader`` reads what layer ``maker`` writes into ``map``.

    Layers go by number, a map that is part of another by that one's name. ``streamed``: the reader
    takes it from memory, not from the scratchpad.
    """

    maker: int
    reader: int
    map: str
    streamed: bool


Place = tuple[str, int, int]
"""A map that is part of no other, and words of it: the first and the end."""


def edges(compiled: Compiled) -> list[Edge]:
    """Pairs of producer and consumer, in the order of consumers; maps from the host have no
    edge."""
    maps, cols = compiled.network.maps, compiled.config.cols
    plans = compiled.plans
    written = [_place(maps, plan.site.op.output, cols) for plan in plans]
    found = []
    for reader, plan in enumerate(plans):
        for name, streamed in _operands(plan):
            root, first, end = _place(maps, name, cols)
            found += [
                Edge(maker, reader, root, streamed)
                for maker, (made, low, high) in enumerate(written[:reader])
                if made == root and low < end and first < high
            ]
    return found


def _operands(plan: OpPlan) -> list[tuple[str, bool]]:
    """The maps that a layer reads, and whether it takes them from memory."""
    layer, streams = plan.site.op, plan.site.streams
    found = [(layer.source, streams.source)]
    if layer.residual is not None:
        found.append((layer.residual.other, streams.other))
    if layer.factor:
        found.append((layer.factor, False))
    return found


def _place(maps: dict[str, FeatureMap], name: str, cols: int) -> Place:
    root, plane = origin(maps, name)
    first = plane * maps[name].pixels
    return root, first, first + maps[name].words(cols)


def blocks(layers: int, edges: Sequence[Edge]) -> list[range]:
    """The layers, cut wherever at most one map goes on from those before to those after.

    So a residual block, or a module of several branches that are joined at its end, is one block,
    and a layer of a cascade is one of its own.
    """
    cuts = [0]
    for number in range(1, layers):
        going = {edge.map for edge in edges if edge.maker < number <= edge.reader}
        if len(going) <= 1:
            cuts.append(number)
    return [range(*pair) for pair in zip(cuts, [*cuts[1:], layers], strict=True) if layers]
