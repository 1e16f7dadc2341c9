"""Residency whose decisions are made: the maps in the scratchpad, and the plans of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from compiler.schedule.cascade import Cascade, CascadePlan
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.plan_cache import Known
from compiler.schedule.residency import NoFit, Residency
from compiler.schedule.schedule import Schedule, place
from compiler.schedule.search_trace import Departure


@dataclass(frozen=True)
class Decisions:
    """Cascades, the maps in the scratchpad, and plans of layers outside cascades and of cascades.

    Layers whose operands lie elsewhere get a plan with the same tiles and chunks if there is one.
    Others without a plan, and cascades, get the planner's.
    """

    cascades: tuple[Cascade, ...]
    resident: frozenset[str]
    plans: Mapping[int, OpPlan] = field(default_factory=dict)
    together: Mapping[Cascade, CascadePlan] = field(default_factory=dict)

    def without_plans(self, layers: Iterable[int]) -> Decisions:
        """The same with the planner's plans of some layers."""
        dropped = set(layers)
        return replace(self, plans={i: p for i, p in self.plans.items() if i not in dropped})

    def with_plan(self, layers: range, plan: OpPlan | CascadePlan) -> Decisions:
        """The same with another plan of a layer, or of the cascade of several."""
        if isinstance(plan, OpPlan):
            return replace(self, plans={**self.plans, layers.start: plan})
        cascade = next(c for c in self.cascades if c.layers == layers)
        return replace(self, together={**self.together, cascade: plan})


def decisions_of(schedule: Schedule) -> Decisions:
    """Those that the schedule follows from."""
    residency = schedule.residency
    return Decisions(
        schedule.cascades,
        frozenset(residency.resident),
        {i: p for i, p in enumerate(schedule.plans) if i not in residency.cascades},
        {c: p for c, p in residency.cascade_plans.items() if p is not None},
    )


def place_given(given: Decisions, like: Schedule, known: Known) -> Schedule | None:
    """The schedule of these decisions for the network of ``like``; None if it does not fit. What
    lies as there is not placed again."""
    network, config = like.network, like.config

    def decide(*_: object) -> Residency:
        return _Given(given, like, known)

    try:
        found = place(network, config, given.cascades, known, decide, like.placement)
    except NoFit:
        return None
    return replace(found, trials=like.trials)


class _Given(Residency):
    """A residency that decides nothing."""

    def __init__(self, given: Decisions, like: Schedule, known: Known) -> None:
        super().__init__(like.network, like.config, given.cascades, known)
        self._given, before = given, like.residency
        for name in sorted(self.resident - given.resident - self.inner - self.factors):
            self.occupancy.evict(name)
            own = Departure("cycles", self.live_ranges[name].first)
            self.departures[name] = before.departures.get(name, own)
        self.occupancy.share = list(before.occupancy.share)
        self.releases = list(before.releases)

    def plans(self) -> list[OpPlan]:
        index, plans = 0, list[OpPlan]()
        while index < len(self.network.ops):
            cascade = self.cascades.get(index)
            plans += self._together(cascade) if cascade else [self._alone(index)]
            index = len(plans)
        return plans

    def _alone(self, index: int) -> OpPlan:
        plan, streams = self._given.plans.get(index), self.occupancy.streams(index)
        if plan is not None and plan.site.streams != streams:
            others = self._known.planner.others(
                self._site(index, streams), self.occupancy.free(index)
            )
            plan = next((other for other in others if other.like(plan)), None)
        plan = plan or self._plan(index)
        if plan is None:
            raise NoFit(self, index)
        return plan

    def _together(self, cascade: Cascade) -> tuple[OpPlan, ...]:
        found = self._given.together.get(cascade)
        streams = [self.occupancy.streams(i) for i in cascade.layers]
        if found is None or [p.site.streams for p in found.plans] != streams:
            found = self._cascade_plan(cascade)
        if found is None:
            raise NoFit(self, cascade.first)
        self.cascade_plans[cascade] = found
        return found.plans

    def release_for(self, name: str) -> None:
        raise NoFit(self, self.live_ranges[name].first)

    def squeeze(self, index: int) -> None:
        raise NoFit(self, index)
