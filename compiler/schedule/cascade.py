"""Cascades: consecutive layers that run together, strip by strip.

Every layer of a cascade makes the rows that the next one needs for its strip (depth-first
execution, arXiv 2404.03617). Of a map between two of them only some rows are needed at a time. Such
a map is a *rolling buffer*, and no row is computed twice. Its planes are ``pitch`` words apart,
less than a plane, and row y of plane p lies where row y + 1 of the plane before it comes to lie
later. It takes one plane and ``pitch`` words for each other plane.

Maps with wide planes may use *recompute* instead: all rows that a strip reads are computed for it,
so that those that strips share are computed again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp, Network
from compiler.lru_cache import LruCache
from compiler.schedule.candidates import strip_heights
from compiler.schedule.channel_blocks import aligned
from compiler.schedule.op_plan import OpPlan, Site, Tiling
from compiler.schedule.op_planner import OpPlanner
from compiler.schedule.search_trace import CascadeChoice, Strips
from compiler.schedule.tiles import TALLEST, Tile, extent, whole
from hw.spec.config import AccelConfig

TILE_OP_CYCLES = 90
"""Cycles that a tile operation waits for the one before it, whose results it reads."""

WIDE = 4
"""A map is wide if this many of its planes do not fit the scratchpad."""


class Slot(NamedTuple):
    """Scratchpad words that a map takes, and those between its planes. Its first row there is the
    map's, or with ``recomputed`` the first of those that the strip reads."""

    words: int
    pitch: int
    recomputed: bool = False


@dataclass(frozen=True)
class Cascade:
    """Layers ``first`` to ``last`` of a network; wide maps between them in ``recompute``, or
    not."""

    first: int
    last: int
    recompute: bool = False

    @property
    def layers(self) -> range:
        """Numbers of its layers."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class CascadePlan:
    """The plans of a cascade's layers, and where the map after each but the last lies.

    ``need`` is the scratchpad words that it takes; ``choice`` is there if the planner keeps a
    record.
    """

    plans: tuple[OpPlan, ...]
    slots: tuple[Slot, ...]
    cycles: float
    need: int
    choice: CascadeChoice | None = None


def may_roll(network: Network) -> list[bool]:
    """Flags, one a layer: whether the map between it and the next one can be a rolling buffer."""
    maps, ops = network.maps, network.ops
    parents = {m.parent for m in maps.values()}
    makers = Counter(op.output for op in ops)
    readers = Counter(name for op in ops for name in op.reads)

    def rolls(maker: ArrayOp, reader: ArrayOp) -> bool:
        name = maker.output
        plain = not (maps[name].parent or maps[name].stored or name in parents)
        alone = readers[name] == makers[name] == 1
        read = reader.source == name and not (reader.residual and reader.residual.other == name)
        return (
            plain
            and alone
            and read
            and all(_makes_all(op, maps[op.output]) for op in (maker, reader))
        )

    return [*(rolls(maker, reader) for maker, reader in pairwise(ops)), False]


def _makes_all(op: ArrayOp, output: FeatureMap) -> bool:
    """Whether the layer makes its whole map, row by row of its input."""
    ordinary = all(r.start is None and not r.plane for r in op.regions)
    return ordinary and not op.factor and extent(op) == whole(output)


def is_wide(m: FeatureMap, config: AccelConfig) -> bool:
    """Whether a map may be kept as a window."""
    return WIDE * m.pixels > config.scratchpad_words


def plan_cascade(
    sites: list[Site],
    recompute: bool,
    free: int,
    planner: OpPlanner,
    known: LruCache[CascadePlan | None],
) -> CascadePlan | None:
    """The fastest plan by estimate that takes at most ``free`` scratchpad words, or None if none
    does."""
    key = tuple(site.geometry for site in sites), tuple(_kept(sites, recompute)), free
    found = known.get(key, lambda: _fastest(sites, recompute, free, planner))
    return found and _at(sites, found)


def _kept(sites: list[Site], recompute: bool) -> list[bool]:
    """Flags of the maps between the layers: whether a window of it is kept."""
    return [recompute and is_wide(site.source, site.config) for site in sites[1:]]


def _at(sites: list[Site], found: CascadePlan) -> CascadePlan:
    """The plan for ``sites``, which are like those that it was made for."""
    together = tuple(s.op.name for s in sites)
    plans = tuple(
        replace(plan, site=site, together=together)
        for plan, site in zip(found.plans, sites, strict=True)
    )
    return replace(found, plans=plans)


def _fastest(
    sites: list[Site], recompute: bool, free: int, planner: OpPlanner
) -> CascadePlan | None:
    plans = _cut_plans(sites, recompute, free, planner)
    return min(plans, key=lambda plan: plan.cycles, default=None)


def _cut_plans(
    sites: list[Site], recompute: bool, free: int, planner: OpPlanner
) -> list[CascadePlan]:
    """The plan of each way to cut the cascade that fits, with its choice if there is to be a
    record."""
    kept = _kept(sites, recompute)
    cuts = [
        (tilings[-1].tiles[0].height, _plan(sites, tilings, kept, free, planner))
        for tilings in cuts_of(sites, kept, planner)
    ]
    if not planner.record:
        return [plan for _, plan in cuts if plan]
    strips = tuple(
        Strips(rows, plan.need if plan else None, plan.cycles if plan else None)
        for rows, plan in cuts
    )
    return [
        replace(plan, choice=CascadeChoice(free, strips, number))
        for number, (_, plan) in enumerate(cuts)
        if plan
    ]


def cascade_plans(
    now: CascadePlan, recompute: bool, free: int, planner: OpPlanner
) -> Iterator[CascadePlan]:
    """Other plans of the cascade: cut into other strips, or with another plan of one layer."""
    sites = [plan.site for plan in now.plans]
    together = tuple(s.op.name for s in sites)
    yield from (_at(sites, plan) for plan in _cut_plans(sites, recompute, free, planner))
    for k, (site, own) in enumerate(zip(sites, now.plans, strict=True)):
        for other in planner.others_in_tiles(site, own.tiles, free):
            plans = (*now.plans[:k], replace(other, together=together), *now.plans[k + 1 :])
            yield replace(now, plans=plans, cycles=now.cycles + other.cycles - own.cycles)


def cuts_of(sites: list[Site], recompute: list[bool], planner: OpPlanner) -> Iterator[list[Tiling]]:
    """Ways to cut the cascade: for each layer the rows that it makes in each strip."""
    height = sites[-1].output.height
    for rows in strip_heights(height):
        tiles = [
            Tile(top, min(top + rows, height), 0, sites[-1].output.width)
            for top in range(0, height, rows)
        ]
        cut = [planner.candidates(sites[-1]).tiling(tuple(tiles))]
        for site, before, recomputed in zip(
            sites[:0:-1], sites[-2::-1], recompute[::-1], strict=True
        ):
            tiles = _rows_before(site, cut[0], recomputed)
            if not all(0 < t.height <= TALLEST for t in tiles):
                break
            cut.insert(0, planner.candidates(before).tiling(tuple(tiles)))
        if rows < height and len(cut) == len(sites):
            yield cut


def _rows_before(site: Site, tiling: Tiling, recomputed: bool) -> list[Tile]:
    """The rows of the layer's input that it needs for each tile: all, or beyond those it had."""
    if recomputed:
        return [Tile(t.top, t.bottom, 0, site.source.width) for t in tiling.inputs]
    ends = [tile.bottom for tile in tiling.inputs]
    ends[-1] = site.source.height
    return [Tile(top, end, 0, site.source.width) for top, end in pairwise([0, *ends])]


def _plan(
    sites: list[Site],
    tilings: list[Tiling],
    recompute: list[bool],
    free: int,
    planner: OpPlanner,
) -> CascadePlan | None:
    slots = tuple(map(slot_of, sites[1:], tilings, tilings[1:], recompute))
    words = sum(aligned(slot.words) for slot in slots)
    plans = []
    for site, own in zip(sites, tilings, strict=True):
        plan = planner.plan_tiles(site, own.tiles, free - words) if words < free else None
        if plan is None:
            return None
        words += plan.need
        plans.append(plan)
    if words > free:
        return None
    tile_ops = sum(len(p.tiles) * len(p.chunks) for p in plans)
    compute, moved = sum(p.compute for p in plans), sum(p.moving for p in plans)
    cycles = (
        max(compute, moved)
        + TILE_OP_CYCLES * tile_ops
        + min(compute, moved) / len(tilings[0].tiles)
    )
    return CascadePlan(tuple(plans), slots, cycles, words)


def slot_of(site: Site, made: Tiling, wanted: Tiling, recomputed: bool) -> Slot:
    """Of the layer's input, made in the tiles ``made`` and read for the tiles ``wanted``."""
    m, planes = site.source, site.source.planes(site.config.cols)
    if recomputed:
        pitch = max(tile.pixels for tile in made.tiles)
        return Slot(planes * pitch, pitch, True)
    pitch = _pitch(site, made, wanted)
    return Slot((planes - 1) * pitch + m.pixels, pitch)


def _pitch(site: Site, made: Tiling, wanted: Tiling) -> int:
    """Words between planes of the layer's input such that no row is overwritten too early.

    While the rows of a strip are made, those from the first that the strip reads are kept; a stride
    may pass over rows that are made as well.
    """
    kept = (
        own.bottom - min(own.top, read.top)
        for own, read in zip(made.tiles, wanted.inputs, strict=True)
    )
    return max(kept) * site.source.width
