"""Parallel branches: layers of a branch region that may run in another order.

A branch region begins and ends where one map alone is alive; in it, layers that pass nothing to
each other are on different branches. The last branch decides how much room there is, while it runs,
for the weights of the layers after the region.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from compiler.hwir.feature_map import origin
from compiler.hwir.network import Network
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
    """The layers in sets that pass nothing to each other, by their first layers: two are in one set
    if one writes what the other one reads or writes."""
    member = {i: [i] for i in layers}
    touched: dict[str, list[tuple[int, int, bool, int]]] = {}
    for i in layers:
        op = network.ops[i]
        for name in (op.output, *op.reads):
            root, first = origin(network.maps, name)
            end, writes = first + network.maps[name].planes(cols), name == op.output
            for low, high, written, j in touched.setdefault(root, []):
                apart = member[i] is not member[j]
                if apart and (writes or written) and first < high and low < end:
                    _join(member, i, j)
            touched[root].append((first, end, writes, i))
    sets = {id(found): found for found in member.values()}
    return tuple(sorted(tuple(sorted(found)) for found in sets.values()))


def _join(member: dict[int, list[int]], a: int, b: int) -> None:
    """Make one set of those that two layers are in; the larger takes the smaller's layers."""
    large, small = sorted((member[a], member[b]), key=len, reverse=True)
    large += small
    for i in small:
        member[i] = large
