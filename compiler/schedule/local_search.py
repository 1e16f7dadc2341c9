"""Search around a schedule: other plans, other maps in the scratchpad and other cascades, one at a
time, placed and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from compiler.schedule.cascade import Cascade, CascadePlan, cascade_plans
from compiler.schedule.given import Decisions, decisions_of, place_given
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.plan_cache import Known
from compiler.schedule.schedule import Schedule

LAYERS = 4
"""Layers of a network that is searched, at most: each trial places them all."""

TRIALS, FEWEST = 20_000, 8
"""A network of n tile operations is tried in TRIALS / n**2 other ways at most; one that would be in
fewer than FEWEST is not searched."""

PATIENCE = 40
"""Trials in a row, none of which is faster than all before, after which the search ends."""

ERR = 1.05
"""Plans whose work alone takes so many times the cycles of the best schedule are not tried."""

CLOSE = 1.01
"""Schedules that take more than so many times the cycles of the fastest by the model are not timed,
unless something near them is."""

NEAR = 1.15
"""Other maps in the scratchpad are looked into if they alone make the network at most so many times
slower."""


def around(ways: Sequence[tuple[Schedule, Known]]) -> Iterator[Schedule]:
    """The schedules of ``ways``, of which the first is the fastest by the model, as far as this may
    err, each with those found near it behind it, the fastest by the model first.

    These have their LOADs where the model of the search puts them, and the same follows with the
    LOADs where the model of large networks does. Nothing is found near those of a large network. Of
    one of several segments, whose addresses and so cycles depend on each other, it is the first
    alone.
    """
    first = ways[0][0]
    bound = CLOSE * first.modelled_cycles
    for best, known in ways:
        cycles = best.modelled_cycles
        if best is first or is_small(best) or first.modelled_cycles < cycles <= bound:
            yield best
        if first.network.segments > 1:
            return
        for found in _near(best, known):
            yield found
            other = place_given(decisions_of(found), best, known)
            if other is not None and not _same(found, other):
                yield other


def _near(best: Schedule, known: Known) -> list[Schedule]:
    """The schedules found near one; none if it is too large."""
    return _Search(known.closely(), _trials(best)).near(best) if is_small(best) else []


def is_small(schedule: Schedule) -> bool:
    """Tell whether a schedule has so few layers and tile operations that many others are tried."""
    return len(schedule.plans) <= LAYERS and _trials(schedule) >= FEWEST


def _trials(schedule: Schedule) -> int:
    return TRIALS // max(1, sum(plan.work.tile_ops for plan in schedule.plans)) ** 2


def _same(a: Schedule, b: Schedule) -> bool:
    """Whether schedules with the same plans have their maps and LOADs at the same places."""
    loads = [[(buffer.address, buffer.issue) for buffer in s.loads] for s in (a, b)]
    return a.places == b.places and loads[0] == loads[1]


class _Search:
    """Trials, of which so many are ``left`` at most, and the schedules ``found``."""

    def __init__(self, known: Known, trials: int) -> None:
        self.left = trials
        self._idle, self._least = 0, 1 << 62
        self.found = list[Schedule]()
        self._known = known
        self._seen = set[object]()

    def near(self, best: Schedule) -> list[Schedule]:
        """The schedules found, the fastest by the model first."""
        now = self._placed(decisions_of(best), best)
        while now is not None and not self._ended:
            before, now = now, self._round(now)
            if now is before:
                break
        return sorted(self.found, key=lambda schedule: schedule.modelled_cycles)

    def _round(self, best: Schedule) -> Schedule:
        """One after another, each kind of change made wherever it helps."""
        best = self._other_plans(best, range(len(best.plans)))
        for given, near in _other_maps(best):
            best = self._looked_into(best, given, near)
        for given, near in _other_cascades(best, self._known):
            best = self._looked_into(best, given, near)
        return best

    def _looked_into(self, best: Schedule, given: Decisions, near: range) -> Schedule:
        """The faster of ``best`` and the schedule of decisions, with other plans of layers."""
        found = self._placed(given, best)
        if found is None or found.modelled_cycles > NEAR * best.modelled_cycles:
            return best
        found = self._other_plans(found, near, best.modelled_cycles)
        return found if found.modelled_cycles < best.modelled_cycles else best

    def _other_plans(self, best: Schedule, near: range, bound: float = 1e18) -> Schedule:
        """The schedule with the fastest plans found for some layers and their cascades."""
        changed = True
        while changed:
            changed = False
            for layers in _by_waits(best):
                if layers.stop <= near.start or layers.start >= near.stop:
                    continue
                given = decisions_of(best)
                for plan in self._ways(best, layers):
                    least = min(bound, best.modelled_cycles)
                    if _bound(best, layers, plan) >= ERR * least:
                        continue
                    found = self._placed(given.with_plan(layers, plan), best)
                    if found is not None and found.modelled_cycles < best.modelled_cycles:
                        best, changed = found, True
                        given = decisions_of(best)
        return best

    def _ways(self, best: Schedule, layers: range) -> list[OpPlan] | list[CascadePlan]:
        residency, planner = best.residency, self._known.planner
        free = min(residency.occupancy.free(i) for i in layers)
        if len(layers) == 1:
            plans = planner.others(best.plans[layers.start].site, free)
            return sorted(plans, key=lambda p: p.cycles)
        cascade = residency.cascades[layers.start]
        now = residency.cascade_plans[cascade]
        assert now is not None
        return sorted(cascade_plans(now, cascade.recompute, free, planner), key=lambda p: p.cycles)

    def _placed(self, given: Decisions, best: Schedule) -> Schedule | None:
        key = (
            given.cascades,
            given.resident,
            tuple((i, p.work, p.order) for i, p in given.plans.items()),
            tuple((c, *((p.work, p.order) for p in t.plans)) for c, t in given.together.items()),
        )
        if self._ended or key in self._seen:
            return None
        self._seen.add(key)
        self.left, self._idle = self.left - 1, self._idle + 1
        found = place_given(given, best, self._known)
        if found is not None:
            self.found.append(found)
            if found.modelled_cycles < self._least:
                self._idle, self._least = 0, found.modelled_cycles
        return found

    @property
    def _ended(self) -> bool:
        return self.left <= 0 or self._idle >= PATIENCE


def _by_waits(best: Schedule) -> list[range]:
    """The layers that run together, those first that the array waits longest for."""
    groups, waits = [layers for layers, _ in best.placement.groups], best.waits
    return sorted(groups, key=lambda layers: -sum(waits[i] for i in layers))


def _bound(best: Schedule, layers: range, plan: OpPlan | CascadePlan) -> int:
    """Modelled cycles that the schedule with another plan takes at least."""
    new = [plan] if isinstance(plan, OpPlan) else list(plan.plans)
    plans = [*best.plans[: layers.start], *new, *best.plans[layers.stop :]]
    return max(sum(p.work.least for p in plans), sum(p.moving for p in plans))


def _other_maps(best: Schedule) -> Iterator[tuple[Decisions, range]]:
    """One map more or less in the scratchpad, with the layers during its life."""
    given, residency = decisions_of(best), best.residency
    for name, life in residency.live_ranges.items():
        if name in residency.inner or name in residency.factors:
            continue
        if residency.fits(name):
            other = replace(given, resident=given.resident ^ {name})
            yield other, life.layers
            yield other.without_plans(life.layers), life.layers


def _other_cascades(best: Schedule, known: Known) -> Iterator[tuple[Decisions, range]]:
    """Two neighbours as a cascade, or a cascade as single layers, with the layers concerned."""
    given, rolls = decisions_of(best), known.rolls(best.network)
    groups = [layers for layers, _ in best.placement.groups]
    for a, b in pairwise(groups):
        if rolls[a.stop - 1]:
            others = tuple(c for c in best.cascades if c.first not in (a.start, b.start))
            joined = Cascade(a.start, b.stop - 1)
            yield replace(given, cascades=(*others, joined)), joined.layers
    for cascade in best.cascades:
        others = tuple(c for c in best.cascades if c is not cascade)
        inner = {best.network.ops[i].output for i in cascade.layers[:-1]}
        for resident in (given.resident, given.resident - inner):
            yield replace(given, cascades=others, resident=resident), cascade.layers
