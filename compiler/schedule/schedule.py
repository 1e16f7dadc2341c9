"""From a network to placed steps: the order of layers, residency, plans, places in the scratchpad
and the order of LOADs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from compiler.hwir.network import Network
from compiler.schedule.allocate import Placed, placed_in_turn
from compiler.schedule.branch_order import (
    Block,
    blocks,
    moved,
    reordered,
    reorderings,
)
from compiler.schedule.cascade import (
    Chain,
    Slot,
    is_wide,
)
from compiler.schedule.channel_blocks import aligned
from compiler.schedule.layer_plan import LayerPlan
from compiler.schedule.placement import (
    NoRoom,
    Walk,
    walked,
)
from compiler.schedule.plan_cache import Known
from compiler.schedule.planner import Planner
from compiler.schedule.residency import NoFit, Residency
from compiler.schedule.room import check_steps
from compiler.schedule.search_trace import (
    Residence,
    Trial,
)
from compiler.schedule.tile_ops import (
    Buffer,
    Step,
    step_spans,
)
from hw.spec.config import AccelConfig

WINDOWS_COST = 0.002
"""Share of the network's cycles by which chains with windows must be faster than others."""

WORTH_ORDERING = 0.0005
"""Share of the network's cycles for which the array must wait at a block for other orders of its
branches to be tried."""


@dataclass(frozen=True)
class Schedule:
    """Placed steps.

    ``network`` has its layers in the order in which they run. ``places`` maps the resident feature
    maps to their scratchpad addresses, ``pitches`` to the words between their planes. ``chains``
    are the layers that run together, ``trials`` those that were tried.
    """

    network: Network
    config: AccelConfig
    plans: list[LayerPlan]
    walk: Walk
    places: dict[str, int]
    slots: dict[str, Slot]
    chains: tuple[Chain, ...]
    residency: Residency
    trials: tuple[Trial, ...] = ()

    @property
    def modelled_cycles(self) -> int:
        return self.walk.cycles

    @cached_property
    def residence(self) -> Residence:
        """Where the maps are, and why."""
        return self.residency.residence()

    @cached_property
    def waits(self) -> list[int]:
        """For each layer the modelled cycles in which the array waits for its data."""
        return self.walk.waits(len(self.plans))

    @property
    def steps(self) -> list[Step]:
        return self._placed[0]

    @property
    def loads(self) -> list[Buffer]:
        """The buffers that LOADs fill, in order."""
        return self._placed[1]

    @cached_property
    def _placed(self) -> tuple[list[Step], list[Buffer]]:
        return self.walk.placed(self.plans)


def schedule(network: Network, config: AccelConfig, planner: Planner) -> Schedule:
    """Place the network. Raises AllocationError when a layer fits in no way.

    Layers with a map between them that would pass through memory are tried as a chain, and with
    the layers before and behind it, as long as that makes the network faster. Then, where the
    array waits, branches of blocks are tried in other places.
    """
    known = Known(planner)
    try:
        best = place(network, config, (), known)
    except NoFit as fault:
        raise fault.residency.failure(fault.layer) from None
    return _ordered(_chained(best, known), planner)


def _chained(best: Schedule, known: Known) -> Schedule:
    """The schedule with the best chains found."""
    network, config = best.network, best.config
    weighed: list[Trial] = []
    for index in range(len(network.layers)):
        if not (_moves_much(best.plans[index]) and known.slides(network)[index]):
            continue
        chain, others = Chain(index, index + 1), best.chains
        tried: set[Chain] = set()
        while True:
            wider = [w for w in _around(network, config, chain, known) if w not in tried]
            tried.update(wider)
            trials = [_trial(network, config, (*others, w), known) for w in wider]
            found = _fastest(trials, best)
            weighed += [
                Trial(
                    c.first,
                    c.last,
                    c.windows,
                    best.modelled_cycles,
                    t and t.modelled_cycles,
                    t is found,
                )
                for c, t in zip(wider, trials, strict=True)
                if c not in best.chains
            ]
            if found is best:
                break
            best, chain = found, next(c for c in found.chains if index in c.layers)
    return replace(best, trials=tuple(weighed))


def _ordered(best: Schedule, planner: Planner) -> Schedule:
    """The schedule with one branch moved in each block that gains by it."""
    cols, begin = best.config.cols, 0
    while True:
        # A move may divide its block, whose layers then still end where they did.
        found = [block for block in blocks(best.network, cols) if block.first >= begin]
        if not found:
            return best
        end = found[1].last if found[1:] else len(best.waits)
        begin = found[0].last + 1
        if sum(best.waits[found[0].first : end]) >= WORTH_ORDERING * best.modelled_cycles:
            faster = _fastest(_orders(best, found[0], planner), best)
            best = replace(faster, trials=best.trials)


def _orders(best: Schedule, block: Block, planner: Planner) -> list[Schedule | None]:
    """The schedule with each branch of the block in other places, where that fits."""
    found: list[Schedule | None] = []
    for order in reorderings(best.network, block):
        chains = moved(best.chains, order)
        if chains is not None:
            network = reordered(best.network, order)
            found.append(_trial(network, best.config, chains, Known(planner)))
    return found


def _fastest(trials: list[Schedule | None], best: Schedule) -> Schedule:
    """``best``, or the first of the cheapest trials if that is faster."""
    found = min((t for t in trials if t), key=_cost, default=best)
    return found if found.modelled_cycles < best.modelled_cycles else best


def _cost(found: Schedule) -> float:
    """Modelled cycles, more if rows are made twice: that must gain more than the model errs."""
    windows = any(chain.windows for chain in found.chains)
    return found.modelled_cycles * (1 + WINDOWS_COST * windows)


def _moves_much(plan: LayerPlan) -> bool:
    """Whether the layer writes its map to memory or waits for the bus."""
    return plan.site.streams.output or plan.words > plan.compute


def _around(network: Network, config: AccelConfig, chain: Chain, known: Known) -> Iterator[Chain]:
    """The chain and those with one layer more, also with windows where there are wide maps."""
    first, last, slides = chain.first, chain.last, known.slides(network)
    ends = [(first, last)]
    if first > 0 and slides[first - 1]:
        ends.append((first - 1, last))
    if slides[last]:
        ends.append((first, last + 1))
    for first, last in ends:
        yield Chain(first, last)
        inner = [network.maps[layer.output] for layer in network.layers[first:last]]
        if any(is_wide(m, config) for m in inner):
            yield Chain(first, last, windows=True)


def _trial(
    network: Network, config: AccelConfig, chains: tuple[Chain, ...], known: Known
) -> Schedule | None:
    """The schedule with these chains; None if one does not fit, or if they share a layer."""
    layers = [i for chain in chains for i in chain.layers]
    if len(layers) > len(set(layers)):
        return None
    try:
        return place(network, config, chains, known)
    except NoFit:
        return None


def place(
    network: Network, config: AccelConfig, chains: tuple[Chain, ...], known: Known
) -> Schedule:
    """Place the network with these chains. Raises NoFit."""
    residency = Residency(network, config, chains, known)
    while True:
        plans = residency.plans()
        check_steps(plans, network.graph.name)
        groups, slots = known.groups(network, plans, chains), residency.slots()
        spans = step_spans(group for _, group in groups)
        taken = _place_maps(residency, slots, spans, config.scratchpad_words)
        if taken is None:
            continue
        try:
            walk = walked(
                network.maps, groups, config.scratchpad_words, taken.values(), known.planner.walks
            )
        except NoRoom as fault:
            residency.squeeze(fault.layer)
            continue
        places = {name: placed.address for name, placed in taken.items()}
        return Schedule(network, config, plans, walk, places, slots, chains, residency)


def _place_maps(
    residency: Residency,
    slots: dict[str, Slot],
    layers: list[tuple[int, int]],
    scratchpad_words: int,
) -> dict[str, Placed] | None:
    """The places of the resident maps; None after letting one go.

    The largest are placed first. A map that finds no room is placed before all others in the next
    attempt; one that finds none for the second time, or a neighbour of it, goes. ``slots`` are
    where they lie, ``layers`` the first and last step of each layer.
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
            residency.release_beside(name)
            return None
        promoted.add(name)
        order.insert(0, name)
