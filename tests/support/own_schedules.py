"""Every way to run a small network that the compiler itself weighs, for its exhaustive search.

The plans of a layer are its candidates, those of a cascade the heights of strips and the cuts of
weights that the compiler tries. All maps may pass through memory or lie in the scratchpad.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.schedule import cascade
from compiler.schedule.op_plan import Site
from compiler.schedule.planner import Planner
from hw.spec.config import AccelConfig, with_values
from tests.compiler.graphs import Net
from tests.support.exhaustive_schedules import TileOpSequence, sequence_of
from tests.support.small_networks import SmallNetwork, layer

SIDES, PLANES = {1: 28, 2: 20, 3: 14}, {1: 8, 2: 6, 3: 4}
"""Largest side of a map, and most planes of channels, by number of layers."""


def own_groups(sites: list[Site], _: bool) -> Iterator[TileOpSequence]:
    """The plans of one layer or of a cascade."""
    planner, words = Planner(), sites[0].config.scratchpad_words
    if len(sites) == 1:
        (site,) = sites
        plans = [c.plan(site, words) for c in planner.candidates(site).strips]
        plans = plans if any(plans) else [planner.plan(site, words)]
        yield from (sequence_of([plan], {}) for plan in plans if plan)
        return
    for recompute in (False, True):
        kept = [recompute and cascade.is_wide(s.source, s.config) for s in sites[1:]]
        if recompute and not any(kept):
            continue
        for tilings in cascade.cuts_of(sites, kept, planner):
            slots = map(cascade.slot_of, sites[1:], tilings, tilings[1:], kept)
            named = {s.source.name: slot for s, slot in zip(sites[1:], slots, strict=True)}
            ways = (
                [c.plan(site, words) for c in planner.candidates(site).kept(tiling.tiles)]
                for site, tiling in zip(sites, tilings, strict=True)
            )
            for plans in itertools.product(*ways):
                if all(plans):
                    yield sequence_of([p for p in plans if p], named)


def larger_network(config: AccelConfig, seed: int, most: int) -> SmallNetwork:
    """The network of a seed, whose layers have at most ``most`` plans together."""
    rng = random.Random(seed)
    while True:
        count = rng.randint(1, 3)
        lines = rng.choice((96, rng.randint(96, 480), config.scratchpad_lines))
        chosen = with_values(config, {"scratchpad_bytes": lines * config.line_bytes})
        channels = PLANES[count] * config.cols
        sides = (rng.randint(SIDES[count] // 2, SIDES[count]) for _ in range(2))
        net, x = Net((*sides, rng.randint(1, channels))), "input"
        for _ in range(count):
            x = layer(net, rng, x, rng.randint(1, channels))
        graph = net.finish(x, name=f"larger{seed}", seed=rng.randrange(1 << 30))
        try:
            schedule = compile(graph, chosen).segments[0].plan
        except AllocationError:
            continue
        planner = Planner()
        plans = (len(planner.candidates(plan.site).strips) for plan in schedule.plans)
        if math.prod(plans) <= most:
            return SmallNetwork(graph, chosen, schedule)
