"""The scratchpad while each layer runs: the maps that lie there and the words that they leave."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import chain

from compiler.schedule.cascade import Cascade
from compiler.schedule.live_ranges import LiveRange, MapUses
from compiler.schedule.op_plan import Streams

SQUEEZE = 0.9
"""Share of the room that a layer is planned for after its buffers did not fit between the maps."""


class Occupancy:
    """The ``resident`` maps of a network next to each layer.

    ``spans`` are the first and last layer during which each map lies in the scratchpad if it is
    resident; the layers of a cascade run at the same time. The maps ``inner`` to cascades take the
    room of their cascade's plan instead. ``share`` is for each layer the part of the free words
    that it is planned for.
    """

    def __init__(
        self,
        uses: MapUses,
        words: int,
        cascades: Sequence[Cascade],
        resident: set[str],
        inner: set[str],
    ) -> None:
        self.resident = resident
        self.share = [1.0] * len(uses.in_use)
        self._uses = uses
        self._words = words
        self._inner = inner
        self._cascades = cascades
        together = {i: cascade for cascade in cascades for i in cascade.layers}
        self.spans = uses.live_ranges | {
            name: _span(uses.live_ranges[name], together)
            for i in together
            for name in uses.touched[i]
        }
        self._beside = list(uses.in_use)
        for cascade in cascades:
            names = {name for i in cascade.layers for name in uses.in_use[i]}
            for i in cascade.layers:
                self._beside[i] = sorted(names - inner)
        used, streams = uses.alone(words)
        self._used, self._streams = used.copy(), streams.copy()
        unlike = resident.symmetric_difference(uses.fitting(words))
        for i in {*together, *chain(*(self.spans[name].layers for name in unlike))}:
            self._used[i] = sum(uses.words[m] for m in self.live(i))
            self._streams[i] = self._streams_without(i, "")

    def live(self, index: int) -> list[str]:
        """The maps in the scratchpad while layer ``index`` runs, in order, those inside cascades
        excepted."""
        return [name for name in self._beside[index] if name in self.resident]

    def free(self, index: int, without: str = "") -> int:
        """Words that layer ``index`` is planned for, as it is or without one more map."""
        used = self._used[index]
        if without and without not in self._inner:
            span = self.spans[without]
            if span.first <= index <= span.last:
                used -= self._uses.words[without]
        return int((self._words - used) * self.share[index])

    def streams(self, index: int, without: str = "") -> Streams:
        """The operands of layer ``index`` that pass through memory, as it is or without one more
        map."""
        if without and without in self._uses.operands[index]:
            return self._streams_without(index, without)
        return self._streams[index]

    def evict(self, name: str) -> None:
        """Let a resident map pass through memory."""
        self.resident.remove(name)
        span = self.spans[name]
        if name not in self._inner:
            for index in range(span.first, span.last + 1):
                self._used[index] -= self._uses.words[name]
        for index in self._uses.touching[name]:
            self._streams[index] = self._streams_without(index, "")

    def squeeze(self, index: int) -> None:
        """Plan layer ``index`` for less room."""
        self.share[index] *= SQUEEZE

    def during(self, life: LiveRange) -> Hashable:
        """Key of all that the plans of some layers follow from, with one map more evicted or
        not."""
        layers = slice(life.first, life.last + 1)
        near = (c for c in self._cascades if c.first <= life.last and c.last >= life.first)
        used, streams, share = self._used[layers], self._streams[layers], self.share[layers]
        return *near, tuple(used), tuple(streams), tuple(share)

    def _streams_without(self, index: int, without: str) -> Streams:
        return self._uses.streams(index, self.resident, without)


def _span(life: LiveRange, together: dict[int, Cascade]) -> LiveRange:
    """A map's live range, from the first to the last layer of the cascades at its ends."""
    first, last = together.get(life.first), together.get(life.last)
    return LiveRange(first.first if first else life.first, last.last if last else life.last)
