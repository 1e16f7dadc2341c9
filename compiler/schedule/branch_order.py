"""Parallel branches: layers of a branch region that may run in another order.

A branch region begins and ends where one map alone is alive; in it, layers that pass nothing to
each other are on different branches. The last branch decides how much room there is, while it runs,
for the weights of the layers after the region.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from compiler.hwir.network import (
    ArrayOp,
    Network,
    origin,
)
from compiler.schedule.cascade import Cascade
from compiler.schedule.live_ranges import live_ranges


@dataclass(frozen=True)
class BranchRegion:
    """Layers ``first`` to ``last``; ``branches`` has the layers of each branch, in order."""

    first: int
    last: int
    branches: tuple[tuple[int, ...], ...]


def branch_regions(network: Network, cols: int) -> list[BranchRegion]:
    """The regions with more than one branch, in order. Their branches may be in any order."""
    changes = [0] * (len(network.ops) + 1)
    for life in live_ranges(network).values():
        changes[life.first + 1] += 1
        changes[life.last + 1] -= 1
    alive = list(accumulate(changes))
    ends = [i for i in range(1, len(network.ops)) if alive[i] <= 1]
    bounds = [0, *ends, len(network.ops)]
    found = [
        BranchRegion(first, end - 1, _branches(network, range(first, end), cols))
        for first, end in pairwise(bounds)
    ]
    return [region for region in found if len(region.branches) > 1]


def reorderings(network: Network, region: BranchRegion) -> Iterator[tuple[int, ...]]:
    """The layers with one branch of the block moved to the block's end or to its beginning."""
    seen = {region.branches}
    for k, branch in enumerate(region.branches):
        others = region.branches[:k] + region.branches[k + 1 :]
        for branches in ((*others, branch), (branch, *others)):
            if branches not in seen:
                seen.add(branches)
                after = range(region.last + 1, len(network.ops))
                yield (*range(region.first), *(i for b in branches for i in b), *after)


def reordered(network: Network, order: Sequence[int]) -> Network:
    """The network with its layers in another order."""
    return replace(network, ops=[network.ops[i] for i in order])


def moved(cascades: Iterable[Cascade], order: Sequence[int]) -> tuple[Cascade, ...] | None:
    """The cascades after a reordering; None if it takes one apart."""
    place = {layer: i for i, layer in enumerate(order)}
    found = []
    for cascade in cascades:
        first = place[cascade.first]
        if [place[i] for i in cascade.layers] != [first + k for k in range(len(cascade.layers))]:
            return None
        found.append(replace(cascade, first=first, last=first + len(cascade.layers) - 1))
    return tuple(found)


def _branches(network: Network, layers: range, cols: int) -> tuple[tuple[int, ...], ...]:
    """The layers in sets that pass nothing to each other, by their first layers."""
    sets: list[list[int]] = []
    for i in layers:
        op = network.ops[i]
        linked = [s for s in sets if any(_linked(network, network.ops[j], op, cols) for j in s)]
        sets = [s for s in sets if s not in linked]
        sets.append(sorted([i, *(j for s in linked for j in s)]))
    return tuple(tuple(s) for s in sorted(sets))


def _linked(network: Network, a: ArrayOp, b: ArrayOp, cols: int) -> bool:
    """Whether one layer writes what the other one reads or writes."""
    pairs = [(a.output, name) for name in (b.output, *b.reads)]
    pairs += [(b.output, name) for name in a.reads]
    return any(_overlap(network, *pair, cols) for pair in pairs)


def _overlap(network: Network, a: str, b: str, cols: int) -> bool:
    """Whether two maps share planes."""
    (root, first), (other, second) = (origin(network.maps, name) for name in (a, b))
    height = {name: network.maps[name].planes(cols) for name in (a, b)}
    return root == other and first < second + height[b] and second < first + height[a]
