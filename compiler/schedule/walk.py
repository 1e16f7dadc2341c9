"""Steps in program order, with places for their buffers and the LOADs that fill them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from compiler.passes.layer import FeatureMap, Network
from compiler.recent import Key
from compiler.schedule.allocate import Arena, Placed
from compiler.schedule.cost import COMMAND_CYCLES
from compiler.schedule.layer_plan import LayerPlan
from compiler.schedule.steps import Buffer, Step, Writers, groups, layer_steps

if TYPE_CHECKING:
    from compiler.schedule.chain import Chain
    from compiler.schedule.residency import Known

STRETCH = 8
"""Layers, at least, from one walk that is kept to the next."""

LOAD_DELAY = 80
"""Cycles from the start of a LOAD to its first word and from the last word to a waiting EXECUTE."""


class NoRoom(Exception):
    """The buffers of a layer do not fit between the maps."""

    def __init__(self, layer: int) -> None:
        super().__init__(layer)
        self.layer = layer


def walked(
    network: Network, plans: list[LayerPlan], chains: Sequence[Chain],
    spans: list[tuple[int, int]], words: int, taken: list[Placed], known: Known,
) -> Walk:
    """All steps of a network in a pool of ``words``, of which its maps have ``taken`` some.

    ``spans`` are the layers' as from ``step_spans``. Raises NoRoom.

    What is known of networks that begin alike is not done again.
    """
    layers = known.steps_follow_from(network)
    walk = Walk(Key(words), Arena(words, taken), Writers(network.maps))
    steps = begun = 0
    for end in _ends(len(plans), chains):
        steps = max(steps, *(last + 1 for _, last in spans[begun:end]))
        key = Key((
            walk.key, *((layers[i], plans[i].work, plans[i].order) for i in range(begun, end)),
            tuple(chain for chain in chains if begun <= chain.first < end),
            tuple(sorted(p for p in taken if p.first <= steps)),
        ))
        further = partial(walk.further, key, network.maps, taken, plans[:end], chains, begun)
        walk, begun = known.planner.walks.get(key, further), end
    return walk


def _ends(layers: int, chains: Sequence[Chain]) -> Iterator[int]:
    """Numbers of layers after which a walk is kept: a few layers further each, and all."""
    begun = 0
    for together in groups(layers, chains):
        if together.stop - begun >= STRETCH or together.stop == layers:
            begun = together.stop
            yield begun


class Walk:
    """The steps of a network's first layers, which follow from ``key``.

    It places their buffers and models when the bus and the array are free. LOADs stay in the order
    in which their data are wanted. Each is placed as early as there is room for it from then on to
    its last use, but not before the bus could begin with it.
    """

    def __init__(self, key: Key, arena: Arena, writers: Writers) -> None:
        self.key = key
        self.steps: list[Step] = []
        self.loads: list[Buffer] = []
        self.arena = arena
        self.writers = writers
        self.start: list[int] = []
        self.end: list[int] = []
        self.bus = 0
        self.low = 0
        self.stored = 0

    @property
    def cycles(self) -> int:
        """Modelled cycles of the steps."""
        return max(self.end[-1] if self.end else 0, self.stored, self.bus)

    def waits(self, layers: int) -> list[int]:
        """Modelled cycles in which the array waits for the data of each of ``layers`` layers."""
        found = [0] * layers
        for step, begin, free in zip(self.steps, self.start, [0, *self.end], strict=False):
            found[step.layer] += begin - free
        return found

    def further(
        self, key: Key, maps: dict[str, FeatureMap], taken: Iterable[Placed],
        plans: list[LayerPlan], chains: Sequence[Chain], first: int,
    ) -> Walk:
        """A copy with the steps of the layers of ``plans`` from number ``first`` on, in a network
        with these maps, of which ``taken`` are in the pool."""
        other = Walk(key, self.arena.continued(taken), self.writers.continued(maps))
        other.steps, other.loads = self.steps[:], self.loads[:]
        other.start, other.end = self.start[:], self.end[:]
        other.bus, other.low, other.stored = self.bus, self.low, self.stored
        if self.steps and self.steps[-1].output:  # whose end the next step may change
            other.steps[-1] = replace(self.steps[-1], output=replace(self.steps[-1].output))
        for together in groups(len(plans), chains):
            if together.start >= first:
                begun = len(other.steps)
                layer_steps(other.steps, together, plans, other.writers)
                for step in other.steps[begun:]:
                    other._place(step)
        return other

    def _place(self, step: Step) -> None:
        self._place_output(step)
        begin = self.end[-1] if self.end else 0
        for buffer in step.buffers:
            if buffer.first == step.index:
                begin = max(begin, self._place_load(buffer))
        self.start.append(begin)
        self.end.append(begin + step.cycles)
        if step.stores:
            words = step.chunk.planes * step.tile.pixels
            self.bus += words + COMMAND_CYCLES
            self.stored = max(self.stored, self.end[-1]) + words
        self.arena.forget_before(self.low)

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
        raise NoRoom(step.layer)

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
            raise NoRoom(buffer.layer)
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
