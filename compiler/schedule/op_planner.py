"""Plans of layers; layers of one geometry are looked at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compiler.lru_cache import LruCache
from compiler.schedule.candidates import Candidate, Candidates
from compiler.schedule.op_plan import OpPlan, Site
from compiler.schedule.search_trace import (
    Choice,
    Way,
)
from compiler.schedule.tiles import Tile

KNOWN = 4096
"""Geometries of layers whose plans are kept; those used longest ago go first."""


class OpPlanner:
    """Chooses how single layers run.

    With ``record``, plans have their ``choice``.
    """

    def __init__(self, record: bool = False) -> None:
        self.record = record
        self._known: LruCache[Candidates] = LruCache(KNOWN)

    def plan(self, site: Site, free: int) -> OpPlan | None:
        """The fastest plan by estimate that takes at most ``free`` scratchpad words, None if none
        does."""
        found = self.candidates(site)
        ways: list[Way] | None = [] if self.record else None
        fit = found.strips_that_fit(free)
        plan = found.plans.get(
            (fit, 0 if fit and ways is None else free),
            lambda: (
                _fastest(site, found.strips, free, ways)
                or _fastest(site, found.rectangles(free), free, ways)
            ),
        )
        return plan and plan.at(site)

    def plan_tiles(self, site: Site, tiles: tuple[Tile, ...], free: int) -> OpPlan | None:
        """Plan a layer in several given tiles, with the weights of all of them in the
        scratchpad."""
        ways: list[Way] | None = [] if self.record else None
        return _fastest(site, self.candidates(site).kept(tiles), free, ways)

    def others(self, site: Site, free: int) -> list[OpPlan]:
        """All plans in strips that take at most ``free`` scratchpad words."""
        return _fitting(site, self.candidates(site).strips, free, self.record)

    def others_in_tiles(self, site: Site, tiles: tuple[Tile, ...], free: int) -> list[OpPlan]:
        """All plans in several given tiles that take at most ``free`` scratchpad words, with the
        weights of all of them in the scratchpad."""
        return _fitting(site, self.candidates(site).kept(tiles), free, self.record)

    def smallest_need(self, site: Site) -> int:
        """Scratchpad words of the smallest plan."""
        return self.candidates(site).smallest_need

    def candidates(self, site: Site) -> Candidates:
        """The ways to run the site's layer."""
        return self._known.get(site.geometry, lambda: Candidates(site))


def _fastest(
    site: Site, found: Iterable[Candidate], free: int, ways: list[Way] | None
) -> OpPlan | None:
    """The fastest plan, the first of equals; ``ways`` collects what was weighed for its choice."""
    best, chosen = None, 0
    for candidate in found:
        plan = candidate.plan(site, free)
        if plan is not None and (best is None or plan.cycles < best.cycles):
            best, chosen = plan, len(ways or ())
        if ways is not None:
            ways.append(_way(candidate, plan))
    if best is None or ways is None:
        return best
    return replace(best, choice=Choice(free, tuple(ways), chosen))


def _fitting(site: Site, found: list[Candidate], free: int, record: bool) -> list[OpPlan]:
    """The plans that fit, each with its choice if there is to be a record."""
    plans = [candidate.plan(site, free) for candidate in found]
    if not record:
        return [plan for plan in plans if plan]
    ways = tuple(map(_way, found, plans))
    return [replace(p, choice=Choice(free, ways, k)) for k, p in enumerate(plans) if p]


def _way(candidate: Candidate, plan: OpPlan | None) -> Way:
    work = candidate.work
    first = work.tiles[0]
    return Way(
        work.shape,
        len(work.tiles),
        first.height,
        first.width,
        len(work.chunks),
        candidate.order,
        plan.need if plan else candidate.single,
        plan.cycles if plan else None,
    )
