"""Plans of layers; layers of one geometry are looked at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable

from compiler.passes.layer import FeatureMap, Layer
from compiler.schedule.candidates import Candidate, Candidates
from compiler.schedule.layer_plan import LayerPlan, Site
from compiler.schedule.tiles import Tile

KNOWN = 4096
"""Geometries whose candidates are kept; those used longest ago go first."""


class Planner:
    """Chooses how layers run. One may serve many networks: it plans as a new one would."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Candidates] = OrderedDict()

    def plan(self, site: Site, free: int) -> LayerPlan | None:
        """The fastest plan by estimate that takes at most ``free`` pool words, None if none does.
        """
        found = self._candidates(site)
        return _fastest(site, found.strips, free) or _fastest(site, found.rectangles, free)

    def plan_tiles(self, site: Site, tiles: tuple[Tile, ...], free: int) -> LayerPlan | None:
        """As ``plan``, in several given tiles and with the weights of all of them in the pool."""
        return _fastest(site, self._candidates(site).kept(tiles), free)

    def smallest_need(self, site: Site) -> int:
        """Pool words of the smallest plan, for the message when nothing fits."""
        found = self._candidates(site)
        return min(c.single for c in (*found.strips, *found.rectangles))

    def _candidates(self, site: Site) -> Candidates:
        key = geometry(site)
        found = self._known.pop(key, None) or Candidates(site)
        self._known[key] = found
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return found


def _fastest(site: Site, found: Iterable[Candidate], free: int) -> LayerPlan | None:
    plans = (c.plan(site, free) for c in found)
    return min((p for p in plans if p is not None), key=lambda p: p.cycles, default=None)


def geometry(site: Site) -> Hashable:
    """All of a site that its plans follow from: shapes and places, no values of weights but which
    of sparse ones are 0."""
    layer, source, output, other = site.layer, site.source, site.output, site.other
    sets: dict[int, int] = {}
    regions = tuple(
        (r.top, r.bottom, r.left, r.right, r.start, r.plane,
         sets.setdefault(id(r.requant), len(sets)))
        for r in layer.regions
    )
    return (
        site.streams, site.config, regions, layer.kernel, layer.stride, layer.dilation,
        layer.padding, layer.groups, layer.depthwise, layer.residual is None,
        layer.table is None, layer.weights is None, bool(layer.factor), _zeros(layer),
        _extent(source), source.external, _extent(output), output.stored,
        other and (_extent(other), other.external),
    )


def _zeros(layer: Layer) -> Hashable:
    if not layer.sparse:
        return None
    assert layer.weights is not None
    return layer.weights.shape, (layer.weights != 0).tobytes()


def _extent(m: FeatureMap) -> tuple[int, int, int]:
    return m.height, m.width, m.channels
