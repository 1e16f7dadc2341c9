"""Each cycle of a run given to one layer, with its cause.

The array works on one EXECUTE after another, in order, while other units run ahead and late. A
cycle belongs to the EXECUTE that the array works for or, where it is idle, works for next: what it
waits for is that one's. The cycles after the last work are the last EXECUTE's. So cycles are
disjoint, none is left over, and a layer has those in which the array works for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from hw.spec.regs import CYCLE_COUNTERS

#: First cycle, last cycle and cycles of the array of a command.
Span = tuple[int, int, int]

#: Cycles by CYCLE_COUNTERS.
Causes = tuple[int, ...]

CAUSES = tuple(counter.name.lower() for counter in CYCLE_COUNTERS)
"""Names of the causes of cycles, in the order of ``Causes``."""


class _Run(Protocol):
    """Counters of one segment by lower-case name; the causes of its commands up to the array's
    last work for each, none where it does not work."""

    @property
    def counters(self) -> Mapping[str, int]: ...

    @property
    def causes(self) -> Sequence[Causes]: ...


def layer_causes(commands: Sequence[Sequence[int]], segments: Sequence[_Run]) -> list[Causes]:
    """Cycles of each layer, whose commands have these numbers, counted through all segments.

    A segment in which the array does nothing is the next one's, or at the end the one before.
    """
    owner = np.full(sum(len(run.causes) for run in segments), -1)
    for number, own in enumerate(commands):
        owner[list(own)] = number
    found = np.zeros((len(commands), len(CYCLE_COUNTERS)), np.int64)
    first, last, spare = 0, -1, np.zeros(len(CYCLE_COUNTERS), np.int64)
    for run in segments:
        causes = np.array(run.causes, np.int64).reshape(-1, len(CYCLE_COUNTERS))
        left = np.array([run.counters[name] for name in CAUSES]) - causes.sum(axis=0)
        works = np.flatnonzero(causes.any(axis=1))
        layers = owner[first + works]
        # What the array does for no layer is that of the next layer for which it works.
        whose = np.where(layers < 0, len(works), np.arange(len(works)))
        whose = np.minimum.accumulate(whose[::-1])[::-1]
        ends = np.count_nonzero(whose < len(works))
        if ends:
            found[layers[whose[0]]] += spare
            np.add.at(found, layers[whose[:ends]], causes[works[:ends]])
            last, spare = int(layers[whose[ends - 1]]), np.zeros_like(spare)
        spare = spare + causes[works[ends:]].sum(axis=0)
        if last >= 0 and len(works):
            found[last] += left
        else:
            spare = spare + left
        first += len(run.causes)
    if last >= 0:
        found[last] += spare
    return list(map(tuple, found.tolist()))
