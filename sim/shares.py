"""Each cycle of a run given to one layer, with its cause.

The array works on one EXECUTE after another, in order, while other units run ahead and late. A
cycle belongs to the EXECUTE that the array works for or, where it is idle, works for next: what it
waits for is that one's. The cycles after the last work are the last EXECUTE's. So cycles are
disjoint, none is left over, and a layer has those in which the array works for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from hw.spec.regs import CYCLE_COUNTERS

#: First cycle, last cycle and cycles of the array of a command.
Span = tuple[int, int, int]

#: Cycles by CYCLE_COUNTERS.
Causes = tuple[int, ...]


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
    owner = {index: number for number, own in enumerate(commands) for index in own}
    found = [_NOTHING] * len(commands)
    first, spare, last = 0, _NOTHING, None
    for run in segments:
        left = tuple(run.counters[counter.name.lower()] for counter in CYCLE_COUNTERS)
        for index, causes in enumerate(run.causes, first):
            if not any(causes):
                continue
            left, spare = _sum(left, causes, -1), _sum(spare, causes)
            if index in owner:
                last = owner[index]
                found[last], spare = _sum(found[last], spare), _NOTHING
        first += len(run.causes)
        if last is not None and any(map(any, run.causes)):
            found[last] = _sum(found[last], left)
        else:
            spare = _sum(spare, left)
    if last is not None:
        found[last] = _sum(found[last], spare)
    return found


_NOTHING: Causes = (0,) * len(CYCLE_COUNTERS)


def _sum(first: Causes, second: Causes, sign: int = 1) -> Causes:
    return tuple(a + sign * b for a, b in zip(first, second, strict=True))
