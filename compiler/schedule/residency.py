"""Choice of the feature maps that stay whole in the scratchpad, and the resulting plan of each
layer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.errors import AllocationError, show
from compiler.hwir.network import Network
from compiler.schedule.cascade import (
    Cascade,
    CascadePlan,
    Slot,
    plan_cascade,
)
from compiler.schedule.live_ranges import LiveRange
from compiler.schedule.occupancy import Occupancy
from compiler.schedule.op_plan import OpPlan, Site, Streams
from compiler.schedule.plan_cache import Known
from compiler.schedule.room import too_many
from compiler.schedule.search_trace import (
    Cause,
    Departure,
    Release,
    Residence,
)
from hw.spec.config import AccelConfig
from hw.spec.isa import MOST_COMMANDS


class NoFit(Exception):
    """Layer ``layer`` fits in no way next to the maps that must stay."""

    def __init__(self, residency: Residency, layer: int) -> None:
        super().__init__(layer)
        self.residency = residency
        self.layer = layer


class Residency:
    """The maps in the scratchpad. It starts with all and evicts the cheapest until layers fit.

    ``factors`` are maps of weights, and ``inner`` those inside the cascades: these always stay.
    """

    def __init__(
        self, network: Network, config: AccelConfig, cascades: Sequence[Cascade], known: Known
    ) -> None:
        self.network = network
        self.config = config
        self._uses = known.uses(network, config.cols)
        self.live_ranges = self._uses.live_ranges
        self.factors = {network.root(op.factor) for op in network.ops if op.factor}
        self.cascades, self.inner = _by_layer(cascades), _inside(network, cascades)
        fitting = self._uses.fitting(config.scratchpad_words)
        resident = self.factors | self.inner | fitting
        self.departures = {
            m: Departure("size", life.first)
            for m, life in self.live_ranges.items()
            if m not in resident
        }
        self.releases: list[Release] = []
        self.occupancy = Occupancy(
            self._uses, config.scratchpad_words, cascades, resident, self.inner
        )
        self.cascade_plans: dict[Cascade, CascadePlan | None] = {}
        self._known = known
        self._changed = False
        self._weighed: dict[str, tuple[float, float | None]] = {}
        self._fits, self._improved = [False] * len(network.ops), [False] * len(network.ops)
        self._moved: list[LiveRange] = []
        self._planned = {i: p for i, p in known.begun.items() if i not in self.cascades}

    @property
    def resident(self) -> set[str]:
        """The maps in the scratchpad."""
        return self.occupancy.resident

    def plans(self) -> list[OpPlan]:
        """A plan for every layer. Raises NoFit when a layer fits in no way."""
        index = 0
        while index < len(self.network.ops):
            if self._fits[index] or self._now(index) is not None:
                self._fits[index] = True
                index += 1
            else:
                index = self._release(index)
        self._improve()
        return self._all_needed(range(len(self.network.ops)))

    def _improve(self) -> None:
        """Evict maps whose absence helps the layers during their lives more than it costs."""
        for index in range(len(self.network.ops)):
            self._look_again()
            if self._improved[index]:
                continue
            self._improved[index] = True
            (plan,) = self._all_needed((index,))
            for name in self._releasable(index) if plan.cramped else ():
                if name not in self._weighed:
                    self._weighed[name] = self._weigh(name)
                self.releases.append(Release(name, index, *self._weighed[name]))
                if self.releases[-1].won:
                    self._let_go(name, "cycles", index)

    def _look_again(self) -> None:
        """Forget what was weighed during the lives of maps next to which something changed."""
        for changed in self._moved if any(self._improved) else ():
            for name in self.resident:
                life = self.occupancy.spans[name]
                if life.first <= changed.last and changed.first <= life.last:
                    for index in life.layers:
                        self._improved[index] = False
            for index in changed.layers:
                self._improved[index] = False
        self._moved = []

    def _weigh(self, name: str) -> tuple[float, float | None]:
        """Cycles of the layers during the map's life, with it and without it."""
        life = self.live_ranges[name]
        key = name, self.occupancy.during(life)
        if key not in self._known.weighed:
            during = range(life.first, life.last + 1)
            before = sum(plan.cycles for plan in self._all_needed(during))
            plans = [self._plan(i, name) for i in during]
            after = sum(p.cycles for p in plans if p) if all(plans) else None
            self._known.weighed[key] = before, after
        return self._known.weighed[key]

    def _now(self, index: int) -> OpPlan | None:
        """The plan of a layer with the maps that are resident now."""
        if index not in self._planned:
            if index in self.cascades:
                self._plan_together(self.cascades[index])
            else:
                self._planned[index] = self._plan(index)
                if not self._changed:
                    self._known.begun[index] = self._planned[index]
        return self._planned[index]

    def _plan_together(self, cascade: Cascade) -> None:
        """Plan the layers of a cascade with the maps that are resident now."""
        found = self.cascade_plans[cascade] = self._cascade_plan(cascade)
        plans = found.plans if found else [None] * len(cascade.layers)
        self._planned.update(zip(cascade.layers, plans, strict=True))

    def _forget(self, first: int, last: int) -> None:
        """Drop the plans of some layers, for which something changes."""
        self._changed = True
        self._weighed.clear()
        self._moved.append(LiveRange(first, last))
        for index in range(first, last + 1):
            self._planned.pop(index, None)
            if index in self.cascades:
                self._fits[index] = False

    def _all_needed(self, numbers: Iterable[int]) -> list[OpPlan]:
        """The plans of layers that have one."""
        plans = []
        for index in numbers:
            plan = self._planned.get(index) or self._now(index)
            assert plan is not None, self.network.ops[index].name
            plans.append(plan)
        return plans

    def release_for(self, name: str) -> None:
        """Evict the cheapest map that lives at the same time as ``name`` (or that one).

        Raises NoFit if only maps that must stay do.
        """
        spans = self.occupancy.spans
        life = spans[name]
        others = [
            m
            for m in self.resident - self.factors - self.inner
            if spans[m].first <= life.last and life.first <= spans[m].last
        ]
        if not others:
            raise NoFit(self, life.first)
        self._let_go(min(others, key=self._price), "place", life.first)

    def _let_go(self, name: str, cause: Cause, layer: int) -> None:
        """Store the map in memory, for the layer's sake."""
        self.occupancy.evict(name)
        self._forget(self.occupancy.spans[name].first, self.occupancy.spans[name].last)
        for index in self._uses.touching[name]:
            self._fits[index] = False
        self.departures[name] = Departure(cause, layer)

    def slots(self) -> dict[str, Slot]:
        """Slots of the rows of the resident maps."""
        return {name: self.slot(name) for name in sorted(self.resident)}

    def slot(self, name: str) -> Slot:
        """Slot of the rows of a resident map."""
        if name not in self.inner:
            return self._uses.slots[name]
        maker = self.live_ranges[name].first
        cascade = self.cascades[maker]
        plan = self.cascade_plans[cascade]
        assert plan is not None
        return plan.slots[maker - cascade.first]

    def squeeze(self, index: int) -> None:
        """Plan the layer for less room, after its buffers did not fit between the maps."""
        self.occupancy.squeeze(index)
        together = self.cascades.get(index, Cascade(index, index))
        self._forget(together.first, together.last)
        self._fits[index] = False

    def _releasable(self, index: int) -> list[str]:
        """The maps in the scratchpad next to layer ``index`` that may go."""
        return [name for name in self.occupancy.live(index) if name not in self.factors]

    def fits(self, name: str) -> bool:
        """Whether the map is smaller than the scratchpad."""
        return self._words(name) < self.config.scratchpad_words

    def _words(self, name: str) -> int:
        return self._uses.words[name]

    def _price(self, name: str) -> tuple[int, str]:
        """Words that pass through memory when the map does not stay."""
        return self._uses.moved[name], name

    def _plan(self, index: int, without: str = "") -> OpPlan | None:
        if index in self.cascades:
            cascade = self.cascades[index]
            found = self._cascade_plan(cascade, without)
            return found.plans[index - cascade.first] if found else None
        streams, free = self.occupancy.streams(index, without), self.occupancy.free(index, without)
        key = (self._known.number(index), streams, free)
        if key not in self._known.ops:
            self._known.ops[key] = self._known.planner.plan(self._site(index, streams), free)
        return self._known.ops[key]

    def _cascade_plan(self, cascade: Cascade, without: str = "") -> CascadePlan | None:
        streams = tuple(self.occupancy.streams(i, without) for i in cascade.layers)
        free = min(self.occupancy.free(i, without) for i in cascade.layers)
        key = tuple(map(self._known.number, cascade.layers)), cascade.recompute, streams, free
        if key not in self._known.cascades:
            sites = [self._site(i, s) for i, s in zip(cascade.layers, streams, strict=True)]
            self._known.cascades[key] = plan_cascade(
                sites, cascade.recompute, free, self._known.planner, self._known.planner.cascades
            )
        return self._known.cascades[key]

    def _site(self, index: int, streams: Streams) -> Site:
        key = self._known.number(index), streams
        found = self._known.sites.get(key)
        if found is None:
            op, maps = self.network.ops[index], self.network.maps
            other = maps[op.residual.other] if op.residual else None
            found = self._known.sites[key] = Site(
                op, maps[op.source], maps[op.output], other, streams, self.config
            )
        return found

    def _release(self, index: int) -> int:
        """Evict the cheapest map whose absence makes layer ``index`` fit, else the largest; the
        first layer that is to be planned again."""
        candidates = sorted(self._releasable(index), key=self._price)
        if not candidates:
            raise NoFit(self, index)
        for name in candidates:
            if self._plan(index, name) is not None:
                break
        else:
            name = max(candidates, key=self._words)
        self._let_go(name, "plan", index)
        return self.occupancy.spans[name].first

    def residence(self) -> Residence:
        """Places of the maps, and the reasons."""
        plans = {cascade.first: plan for cascade, plan in self.cascade_plans.items()}
        return Residence(
            {name: (span.first, span.last) for name, span in self.occupancy.spans.items()},
            self.departures,
            frozenset(self.factors),
            frozenset(self.inner),
            tuple(self.releases),
            tuple(self.occupancy.share),
            {n: p.choice for n, p in plans.items() if p and p.choice},
        )

    def failure(self, index: int) -> AllocationError:
        """Says what layer ``index`` takes at least, and what there is."""
        op = self.network.ops[index]
        site = self._site(index, Streams(True, True, op.residual is not None))
        need = self._known.planner.smallest_need(site) * self.config.word_bytes
        fixed = sum(self._words(m) for m in self.occupancy.live(index) if m in self.factors)
        free = max(self.config.scratchpad_words - fixed, 0)
        room = int(free * self.occupancy.share[index]) * self.config.word_bytes
        if need <= room:
            return AllocationError(
                too_many(self.network.graph.name, f"more than {MOST_COMMANDS}", "EXECUTE")
            )
        return AllocationError(
            f"layer {show(op.name)} ({op.kind}): the smallest tile takes {need} bytes of the "
            f"scratchpad; {room} of its {self.config.scratchpad_bytes} are available "
            f"(configuration scratchpad_bytes={self.config.scratchpad_bytes})"
        )


def _by_layer(cascades: Sequence[Cascade]) -> dict[int, Cascade]:
    """The cascade of each layer that is in one."""
    return {i: cascade for cascade in cascades for i in cascade.layers}


def _inside(network: Network, cascades: Sequence[Cascade]) -> set[str]:
    """The maps between layers of the cascades."""
    return {network.ops[i].output for cascade in cascades for i in cascade.layers[:-1]}
