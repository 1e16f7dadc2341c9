"""From a network to placed steps: the order of layers, residency, plans, places in the pool and
the order of LOADs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from compiler.passes.layer import Network
from compiler.schedule.allocate import Arena
from compiler.schedule.chain import Chain, may_slide
from compiler.schedule.cost import COMMAND_CYCLES
from compiler.schedule.layer_plan import LayerPlan
from compiler.schedule.order import blocks, reorderings
from compiler.schedule.planner import Planner
from compiler.schedule.residency import Known, NoFit, Residency
from compiler.schedule.steps import Buffer, Step, build_steps
from hw.spec.config import AccelConfig

LOAD_DELAY = 80
"""Cycles from the start of a LOAD to its first word and from the last word to a waiting EXECUTE."""
WORTH_ORDERING = 0.0005
"""Share of the network's cycles for which the array must wait at a block for other orders of its
branches to be tried."""


@dataclass(frozen=True)
class Schedule:
    """Placed steps.

    ``network`` has its layers in the order in which they run. ``places`` maps the resident feature
    maps to their pool addresses, ``pitches`` to the words between their planes. ``chains`` are the
    layers that run together. ``waits`` has for each layer the modelled cycles in which the array
    waits for its data.
    """

    network: Network
    config: AccelConfig
    plans: list[LayerPlan]
    steps: list[Step]
    places: dict[str, int]
    pitches: dict[str, int]
    chains: tuple[Chain, ...]
    loads: list[Buffer]
    waits: list[int]
    modelled_cycles: int


class _NoRoom(Exception):
    """The buffers of a layer do not fit between the maps."""

    def __init__(self, layer: int) -> None:
        super().__init__(layer)
        self.layer = layer


def schedule(network: Network, config: AccelConfig, planner: Planner) -> Schedule:
    """Place the network. Raises AllocationError when a layer fits in no way.

    Where the array waits, branches of blocks are tried in other places. Then layers with a
    map between them that would pass through memory are tried as a chain, and with the layers
    before and behind it, as long as that makes the network faster.
    """
    try:
        best = _ordered(place(network, config, (), Known(planner)), planner)
    except NoFit as fault:
        raise fault.residency.failure(fault.layer) from None
    return _chained(best, Known(planner))


def _ordered(best: Schedule, planner: Planner) -> Schedule:
    """The schedule with one branch moved in each block that gains by it."""
    cols = best.config.cols
    for number in range(len(blocks(best.network, cols))):
        found = blocks(best.network, cols)
        block, behind = found[number], found[number + 1 : number + 2]
        end = behind[0].last if behind else len(best.waits)
        if sum(best.waits[block.first : end]) >= WORTH_ORDERING * best.modelled_cycles:
            networks = reorderings(best.network, block)
            trials = [_trial(n, best.config, (), Known(planner)) for n in networks]
            best = _fastest(trials, best)
    return best


def _chained(best: Schedule, known: Known) -> Schedule:
    """The schedule with the best chains found."""
    network, config = best.network, best.config
    for index in range(len(network.layers)):
        if not (may_slide(network, index) and _moves_much(best.plans[index])):
            continue
        chain, others = Chain(index, index + 1), best.chains
        while True:
            trials = [
                _trial(network, config, (*others, wider), known)
                for wider in _around(network, chain)
            ]
            found = _fastest(trials, best)
            if found is best:
                break
            best, chain = found, next(c for c in found.chains if index in c.layers)
    return best


def _fastest(trials: list[Schedule | None], best: Schedule) -> Schedule:
    """``best``, or the first of the fastest trials if that is faster."""
    return min((best, *(t for t in trials if t)), key=lambda t: t.modelled_cycles)


def _moves_much(plan: LayerPlan) -> bool:
    """Whether the layer writes its map to memory or waits for the bus."""
    return plan.site.streams.output or plan.words > plan.compute


def _around(network: Network, chain: Chain) -> Iterator[Chain]:
    """The chain and those with one layer more."""
    yield chain
    if chain.first > 0 and may_slide(network, chain.first - 1):
        yield Chain(chain.first - 1, chain.last)
    if may_slide(network, chain.last):
        yield Chain(chain.first, chain.last + 1)


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
        steps = build_steps(network, plans, chains)
        arena = Arena(config.pool_words)
        places = _place_maps(network, residency, steps, arena)
        if places is None:
            continue
        try:
            loads, waits, cycles = _Placement(steps, arena, network, config).run()
        except _NoRoom as fault:
            residency.squeeze(fault.layer)
            continue
        pitches = {name: residency.pitch(name) for name in places}
        return Schedule(
            network, config, plans, steps, places, pitches, chains, loads, waits, cycles
        )


def _place_maps(
    network: Network, residency: Residency, steps: list[Step], arena: Arena
) -> dict[str, int] | None:
    """Addresses of the resident maps; None after letting one go.

    The largest are placed first. A map that finds no room is placed before all others in the next
    attempt; one that finds none for the second time, or a neighbour of it, goes.
    """
    spans = _map_spans(network, residency, steps)
    words = {m: residency.words(m) for m in spans}
    order = sorted(spans, key=lambda m: (-words[m], m))
    promoted: set[str] = set()
    while True:
        trial = Arena(arena.words)
        places = {}
        for name in order:
            address = trial.place_fixed(words[name], *spans[name])
            if address is None:
                break
            places[name] = address
        else:
            arena.fixed = trial.fixed
            return places
        if name in promoted:
            residency.release_beside(name)
            return None
        promoted.add(name)
        order.remove(name)
        order.insert(0, name)


def _map_spans(
    network: Network, residency: Residency, steps: list[Step]
) -> dict[str, tuple[int, int]]:
    """First and last step in which each resident map is in the pool."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for step in steps:
        first.setdefault(step.layer, step.index)
        last[step.layer] = step.index
    lives = residency.lifetimes
    return {m: (first[lives[m].first], last[lives[m].last]) for m in residency.resident}


class _Placement:
    """Walks the steps, places their buffers and models when the bus and the array are free.

    LOADs stay in the order in which their data are wanted. Each is placed as early as there is
    room for it from then on to its last use, but not before the bus could begin with it.
    """

    def __init__(
        self, steps: list[Step], arena: Arena, network: Network, config: AccelConfig
    ) -> None:
        self.steps = steps
        self.arena = arena
        self.network = network
        self.config = config
        self.start: list[int] = []
        self.end: list[int] = []
        self.bus = 0
        self.low = 0
        self.loads: list[Buffer] = []

    def run(self) -> tuple[list[Buffer], list[int], int]:
        """Place everything; the LOADs in order, the cycles in which each layer waits for its data,
        and the modelled cycles. Raises _NoRoom."""
        stored, waits = 0, [0] * len(self.network.layers)
        for step in self.steps:
            self._place_output(step)
            begin = free = self.end[-1] if self.end else 0
            for buffer in step.buffers:
                if buffer.first == step.index:
                    begin = max(begin, self._place_load(buffer))
            waits[step.layer] += begin - free
            self.start.append(begin)
            self.end.append(begin + step.cycles)
            if step.stores:
                words = step.chunk.planes * step.tile.pixels
                self.bus += words + COMMAND_CYCLES
                stored = max(stored, self.end[-1]) + words
            self.arena.forget_before(self.low)
        return self.loads, waits, max(self.end[-1] if self.end else 0, stored, self.bus)

    def _place_output(self, step: Step) -> None:
        """An output buffer is kept for one step more, so that its STORE and that step overlap."""
        buffer = step.output
        if buffer is None:
            return
        for _ in range(2):
            for last in (step.index + 1, step.index):
                address = self.arena.find(buffer.words, step.index, last)
                if address is not None:
                    buffer.address, buffer.last = address, last
                    self.arena.take(address, buffer.words, step.index, last)
                    return
            self._end_outputs(step)
        raise _NoRoom(step.layer)

    def _end_outputs(self, now: Step) -> None:
        """Give up the additional step of the output buffer before ``now``'s."""
        before = self.steps[now.index - 1].output if now.index else None
        if before is not None and before.last == now.index:
            before.last = now.index - 1
            self.arena.cut(before.address, before.first, before.last)

    def _place_load(self, buffer: Buffer) -> int:
        """Place the buffer and its LOAD; returns the cycle in which the data are there."""
        use = buffer.first
        self.low = max(self.low, buffer.after)
        while self.low < use and self.end[self.low] <= self.bus:
            self.low += 1
        found = self.arena.earliest(buffer.words, self.low, use, buffer.last)
        if found is None:
            self._end_outputs(self.steps[use])
            found = self.arena.earliest(buffer.words, use, use, buffer.last)
        if found is None:
            raise _NoRoom(buffer.layer)
        self.low, buffer.address = found
        self.arena.take(buffer.address, buffer.words, self.low, buffer.last)
        free = self.end[self.low - 1] if self.low else 0
        begin = max(self.bus, free)
        issue = self.low
        while issue < use and self.start[issue] <= begin:
            issue += 1
        buffer.issue = issue
        self.bus = begin + buffer.words + COMMAND_CYCLES
        self.loads.append(buffer)
        return self.bus + LOAD_DELAY
