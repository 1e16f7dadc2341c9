"""From a network to a schedule: the search for cascades, the order of branches and other plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compiler.errors import AllocationError
from compiler.hwir.network import Network
from compiler.schedule.branch_order import (
    BranchRegion,
    branch_regions,
    moved,
    reordered,
    reorderings,
)
from compiler.schedule.cascade import Cascade, is_wide
from compiler.schedule.local_search import around, is_small
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.residency import NoFit
from compiler.schedule.schedule import Schedule, place
from compiler.schedule.search_trace import Trial
from hw.spec.config import AccelConfig
from hw.spec.config_keys import ConfigurationError

RECOMPUTE_COST = 0.002
"""Share of the network's cycles by which cascades with windows must be faster than others."""

WORTH_CASCADE = 0.0001
"""Share of the network's cycles for which the array must wait near a cascade for it to be tried."""

NEAR, FAR = 1.003, 1.08
"""Times the cycles in the scratchpad that the network takes in a part of it, before cascades are
looked for, if that is to be searched; FAR is for small networks."""

WORTH_PARTS = 0.005
"""Share of the network's cycles for which the array must wait for parts of the scratchpad to be
tried."""

WORTH_ORDERING = 0.0005
"""Share of the network's cycles for which the array must wait at a block for other orders of its
branches to be tried."""


def schedules(network: Network, config: AccelConfig, planner: Planner) -> Iterator[Schedule]:
    """Ways to place the network, the first the fastest by the model. Raises AllocationError when a
    layer fits in no way.

    Layers with a map between them that would pass through memory are tried as a cascade, and with
    the layers before and after it, as long as that makes the network faster. Then, where the
    array waits, branches of blocks are tried in other places. All that is tried in a part of the
    scratchpad too.
    """
    known = Known(planner)
    try:
        first = place(network, config, (), known)
    except NoFit as fault:
        raise fault.residency.failure(fault.layer) from None
    own = _searched(first, known)
    ways = [own, *_in_parts(network, first, own[0], known)]
    yield from around(sorted(ways, key=lambda way: way[0].modelled_cycles))


def _searched(first: Schedule, known: Known) -> tuple[Schedule, Known]:
    """The best schedule found from the first one, and what is known of its network."""
    return _ordered(_with_cascades(first, known), known)


def _in_parts(
    network: Network, own: Schedule, best: Schedule, known: Known
) -> Iterator[tuple[Schedule, Known]]:
    """The same in half of the scratchpad, in half of that, and so on, as long as the first schedule
    there is about as fast as ``own``, the first in the whole scratchpad.

    With more room more maps stay, and weights may wait for longer; chunks of weights grow. So what
    the search finds in a part may be faster than ``best``, what it found in the whole.
    """
    small = is_small(own)
    contended = sum(best.waits) >= WORTH_PARTS * best.modelled_cycles and best.residency.departures
    config, bound = own.config, (FAR if small else NEAR) * own.modelled_cycles
    while small or contended:
        half = config.scratchpad_bytes // 2
        try:
            config = replace(config, scratchpad_bytes=half - half % config.line_bytes)
            known = known.planned_by(known.planner.of_half)
            first = place(network, config, (), known)
        except (AllocationError, ConfigurationError, NoFit):
            return
        if first.modelled_cycles > bound:
            return
        yield _searched(first, known)


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
            trials = [_trial(network, (*others, w), known, best) for w in wider]
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
    near = best.waits_near(max(cascade.first - 1, 0), cascade.last)
    return near >= WORTH_CASCADE * best.modelled_cycles


def _ordered(best: Schedule, known: Known) -> tuple[Schedule, Known]:
    """The schedule with one branch moved in each block that gains by it, and what is known of its
    network."""
    cols, begin = best.config.cols, 0
    while True:
        # A move may divide its region, whose layers then still end where they did.
        found = [region for region in branch_regions(best.network, cols) if region.first >= begin]
        if not found:
            return best, known
        end = found[1].last if found[1:] else len(best.waits)
        begin = found[0].last + 1
        if sum(best.waits[found[0].first : end]) >= WORTH_ORDERING * best.modelled_cycles:
            trials = list(_orders(best, found[0], known))
            faster = _fastest([trial for _, trial in trials], best)
            known = next((k for k, trial in trials if trial is faster), known)
            best = replace(faster, trials=best.trials)


def _orders(
    best: Schedule, region: BranchRegion, known: Known
) -> Iterator[tuple[Known, Schedule | None]]:
    """The schedule with each branch of the region in other places, where that fits."""
    for order in reorderings(best.network, region):
        cascades = moved(best.cascades, order)
        if cascades is not None:
            other = known.reordered(order)
            yield other, _trial(reordered(best.network, order), cascades, other, best)


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
    return plan.site.streams.output or plan.moving > plan.compute


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
    network: Network, cascades: tuple[Cascade, ...], known: Known, best: Schedule
) -> Schedule | None:
    """The schedule with these cascades; None if one does not fit, or if they share a layer. What is
    placed as in ``best`` is not placed again."""
    layers = [i for cascade in cascades for i in cascade.layers]
    if len(layers) > len(set(layers)):
        return None
    try:
        return place(network, best.config, cascades, known, like=best.placement)
    except NoFit:
        return None
