"""From a network to placed tile operations: the order of layers, residency, plans, places in the
scratchpad and the order of LOADs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from compiler.hwir.network import Network
from compiler.schedule.allocate import Placed, placed_in_turn
from compiler.schedule.branch_order import (
    BranchRegion,
    branch_regions,
    moved,
    reordered,
    reorderings,
)
from compiler.schedule.cascade import Cascade, Slot, is_wide
from compiler.schedule.channel_blocks import aligned
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.placement import NoRoom, Placement, placement_of
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.residency import NoFit, Residency
from compiler.schedule.room import check_tile_ops
from compiler.schedule.search_trace import Residence, Trial
from compiler.schedule.tile_op_sequence import tile_op_spans
from compiler.schedule.tile_ops import Buffer, TileOp
from hw.spec.config import AccelConfig

RECOMPUTE_COST = 0.002
"""Share of the network's cycles by which cascades with windows must be faster than others."""

WORTH_CASCADE = 0.0001
"""Share of the network's cycles for which the array must wait near a cascade for it to be tried."""

FOLLOWING = 32
"""Layers after a cascade in which the array waits less if the cascade leaves it the bus."""

WORTH_ORDERING = 0.0005
"""Share of the network's cycles for which the array must wait at a block for other orders of its
branches to be tried."""


@dataclass(frozen=True)
class Schedule:
    """Placed tile operations.

    ``network`` has its layers in the order in which they run. ``places`` maps the resident feature
    maps to their scratchpad addresses, ``pitches`` to the words between their planes. ``cascades``
    are the layers that run together, ``trials`` those that were tried.
    """

    network: Network
    config: AccelConfig
    plans: list[OpPlan]
    placement: Placement
    places: dict[str, int]
    slots: dict[str, Slot]
    cascades: tuple[Cascade, ...]
    residency: Residency
    trials: tuple[Trial, ...] = ()

    @property
    def modelled_cycles(self) -> int:
        """Cycles that the search expects of the program."""
        return self.placement.cycles

    @cached_property
    def residence(self) -> Residence:
        """Places of the maps, and the reasons."""
        return self.residency.residence()

    @cached_property
    def waits(self) -> list[int]:
        """Modelled cycles in which the array waits for the data of each layer."""
        return self.placement.waits(len(self.plans))

    @property
    def tile_ops(self) -> list[TileOp]:
        """Tile operations with their places, in order."""
        return self._placed[0]

    @property
    def loads(self) -> list[Buffer]:
        """The buffers that LOADs fill, in order."""
        return self._placed[1]

    @cached_property
    def _placed(self) -> tuple[list[TileOp], list[Buffer]]:
        return self.placement.placed(self.plans)


def schedule(network: Network, config: AccelConfig, planner: Planner) -> Schedule:
    """Place the network. Raises AllocationError when a layer fits in no way.

    Layers with a map between them that would pass through memory are tried as a cascade, and with
    the layers before and after it, as long as that makes the network faster. Then, where the
    array waits, branches of blocks are tried in other places.
    """
    known = Known(planner)
    try:
        best = place(network, config, (), known)
    except NoFit as fault:
        raise fault.residency.failure(fault.layer) from None
    return _ordered(_with_cascades(best, known), planner)


def _with_cascades(best: Schedule, known: Known) -> Schedule:
    """The schedule with the best cascades found."""
    network, config = best.network, best.config
    weighed: list[Trial] = []
    for index in range(len(network.ops)):
        if not (_moves_much(best.plans[index]) and known.rolls(network)[index]):
            continue
        cascade, others = Cascade(index, index + 1), best.cascades
        tried: set[Cascade] = set()
        while _waits_near(best, cascade):
            wider = [w for w in _around(network, config, cascade, known) if w not in tried]
            tried.update(wider)
            trials = [_trial(network, config, (*others, w), known) for w in wider]
            found = _fastest(trials, best)
            weighed += [
                Trial(
                    c.first,
                    c.last,
                    c.recompute,
                    best.modelled_cycles,
                    t.modelled_cycles if t else None,
                    t is found,
                )
                for c, t in zip(wider, trials, strict=True)
                if c not in best.cascades
            ]
            if found is best:
                break
            best, cascade = found, next(c for c in found.cascades if index in c.layers)
    return replace(best, trials=tuple(weighed))


def _waits_near(best: Schedule, cascade: Cascade) -> bool:
    """Whether the array waits for so long that the cascade can be worth its trials."""
    near = best.waits[max(cascade.first - 1, 0) : cascade.last + 1 + FOLLOWING]
    return sum(near) >= WORTH_CASCADE * best.modelled_cycles


def _ordered(best: Schedule, planner: Planner) -> Schedule:
    """The schedule with one branch moved in each block that gains by it."""
    cols, begin = best.config.cols, 0
    while True:
        # A move may divide its region, whose layers then still end where they did.
        found = [region for region in branch_regions(best.network, cols) if region.first >= begin]
        if not found:
            return best
        end = found[1].last if found[1:] else len(best.waits)
        begin = found[0].last + 1
        if sum(best.waits[found[0].first : end]) >= WORTH_ORDERING * best.modelled_cycles:
            faster = _fastest(_orders(best, found[0], planner), best)
            best = replace(faster, trials=best.trials)


def _orders(best: Schedule, region: BranchRegion, planner: Planner) -> list[Schedule | None]:
    """The schedule with each branch of the region in other places, where that fits."""
    found: list[Schedule | None] = []
    for order in reorderings(best.network, region):
        cascades = moved(best.cascades, order)
        if cascades is not None:
            network = reordered(best.network, order)
            found.append(_trial(network, best.config, cascades, Known(planner)))
    return found


def _fastest(trials: list[Schedule | None], best: Schedule) -> Schedule:
    """``best``, or the first of the cheapest trials if that is faster."""
    found = min((t for t in trials if t), key=_cost, default=best)
    return found if found.modelled_cycles < best.modelled_cycles else best


def _cost(found: Schedule) -> float:
    """Modelled cycles, more if rows are made twice: that must gain more than the model errs."""
    recompute = any(cascade.recompute for cascade in found.cascades)
    return found.modelled_cycles * (1 + RECOMPUTE_COST * recompute)


def _moves_much(plan: OpPlan) -> bool:
    """Whether the layer writes its map to memory or waits for the bus."""
    return plan.site.streams.output or plan.words > plan.compute


def _around(
    network: Network, config: AccelConfig, cascade: Cascade, known: Known
) -> Iterator[Cascade]:
    """The cascade and those with one layer more, also with windows where there are wide maps."""
    first, last, rolls = cascade.first, cascade.last, known.rolls(network)
    ends = [(first, last)]
    if first > 0 and rolls[first - 1]:
        ends.append((first - 1, last))
    if rolls[last]:
        ends.append((first, last + 1))
    for first, last in ends:
        yield Cascade(first, last)
        inner = [network.maps[op.output] for op in network.ops[first:last]]
        if any(is_wide(m, config) for m in inner):
            yield Cascade(first, last, recompute=True)


def _trial(
    network: Network, config: AccelConfig, cascades: tuple[Cascade, ...], known: Known
) -> Schedule | None:
    """The schedule with these cascades; None if one does not fit, or if they share a layer."""
    layers = [i for cascade in cascades for i in cascade.layers]
    if len(layers) > len(set(layers)):
        return None
    try:
        return place(network, config, cascades, known)
    except NoFit:
        return None


def place(
    network: Network,
    config: AccelConfig,
    cascades: tuple[Cascade, ...],
    known: Known,
    decide: Callable[..., Residency] = Residency,
) -> Schedule:
    """Place the network with these cascades; ``decide`` makes the residency, from the same
    arguments. Raises NoFit."""
    residency = decide(network, config, cascades, known)
    while True:
        plans = residency.plans()
        check_tile_ops(plans, network.graph.name)
        groups, slots = known.groups(network, plans, cascades), residency.slots()
        spans = tile_op_spans(group for _, group in groups)
        taken = _place_maps(residency, slots, spans, config.scratchpad_words)
        if taken is None:
            continue
        try:
            placement = placement_of(
                network.maps,
                groups,
                config.scratchpad_words,
                taken.values(),
                known.planner.placements,
            )
        except NoRoom as fault:
            residency.squeeze(fault.layer)
            continue
        places = {name: placed.address for name, placed in taken.items()}
        return Schedule(network, config, plans, placement, places, slots, cascades, residency)


def _place_maps(
    residency: Residency,
    slots: dict[str, Slot],
    layers: list[tuple[int, int]],
    scratchpad_words: int,
) -> dict[str, Placed] | None:
    """The places of the resident maps; None after letting one go.

    The largest are placed first. A map that finds no room is placed before all others in the next
    attempt; one that finds none for the second time, or a neighbour of it, goes. ``slots`` are
    where they lie, ``layers`` the first and last tile operation of each layer.
    """
    lives, wanted = residency.live_ranges, {}
    for name, slot in slots.items():
        first, last = layers[lives[name].first][0], layers[lives[name].last][1]
        wanted[name] = aligned(slot.words), first, last
    order = sorted(wanted, key=lambda m: (-slots[m].words, m))
    promoted: set[str] = set()
    while True:
        found = placed_in_turn(scratchpad_words, [wanted[name] for name in order])
        if len(found) == len(order):
            return {
                name: Placed(address, *wanted[name])
                for name, address in zip(order, found, strict=True)
            }
        name = order.pop(len(found))
        if name in promoted:
            residency.release_for(name)
            return None
        promoted.add(name)
        order.insert(0, name)
