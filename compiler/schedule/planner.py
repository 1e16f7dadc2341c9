"""Plans of layers; layers of one geometry are looked at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from compiler.recent import Recent
from compiler.schedule.candidates import Candidate, Candidates
from compiler.schedule.layer_plan import LayerPlan, Site
from compiler.schedule.tiles import Tile

if TYPE_CHECKING:
    from compiler.schedule.chain import ChainPlan
    from compiler.schedule.walk import Walk

KNOWN = 4096
"""Geometries of layers, and of chains, whose plans are kept; those used longest ago go first."""

WALKS = 64
"""Beginnings of networks whose placed steps are kept, about 300 KB each."""


class Planner:
    """Chooses how layers run. One may serve many networks: it plans as a new one would."""

    def __init__(self) -> None:
        self._known: Recent[Candidates] = Recent(KNOWN)
        self.chains: Recent[ChainPlan | None] = Recent(KNOWN)
        self.walks: Recent[Walk] = Recent(WALKS)

    def plan(self, site: Site, free: int) -> LayerPlan | None:
        """The fastest plan by estimate that takes at most ``free`` pool words, None if none does.
        """
        found = self.candidates(site)
        plan = found.plans.get(free, lambda: _fastest(site, found.strips, free)
                               or _fastest(site, found.rectangles, free))
        return plan and replace(plan, site=site)

    def plan_tiles(self, site: Site, tiles: tuple[Tile, ...], free: int) -> LayerPlan | None:
        """As ``plan``, in several given tiles and with the weights of all of them in the pool."""
        return _fastest(site, self.candidates(site).kept(tiles), free)

    def smallest_need(self, site: Site) -> int:
        """Pool words of the smallest plan, for the message when nothing fits."""
        found = self.candidates(site)
        return min(c.single for c in (*found.strips, *found.rectangles))

    def candidates(self, site: Site) -> Candidates:
        """The ways to run the site's layer."""
        return self._known.get(site.geometry, lambda: Candidates(site))


def _fastest(site: Site, found: Iterable[Candidate], free: int) -> LayerPlan | None:
    plans = (c.plan(site, free) for c in found)
    return min((p for p in plans if p is not None), key=lambda p: p.cycles, default=None)
