"""Each cycle of a run given to one layer.

The array works on one EXECUTE after another, in order, while other units run ahead and late. A
cycle belongs to the EXECUTE that is the next to end; but where the array has begun the one after it
before that end, as many cycles before the later end as the array works for the later one are the
later one's. So cycles are disjoint, none is left over, and a layer has at least those in which
the array works for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

#: First cycle, last cycle and cycles of the array of a command.
Span = tuple[int, int, int]


class _Run(Protocol):
    """Cycles of one segment, and the spans of its commands from its own start."""

    @property
    def cycles(self) -> int: ...

    @property
    def spans(self) -> tuple[Span, ...]: ...


def layer_cycles(commands: Sequence[Sequence[int]], segments: Sequence[_Run]) -> list[int]:
    """Cycles of each layer, whose commands have these numbers, counted through all segments.

    A segment in which the array does nothing is the next one's, or at the end the one before.
    """
    owner = {index: number for number, own in enumerate(commands) for index in own}
    found = [0] * len(commands)
    first, spare, last = 0, 0, None
    for run in segments:
        work = [(first + i, span) for i, span in enumerate(run.spans) if span[2]]
        first += len(run.spans)
        spare += run.cycles if not work else 0
        for index, cycles in _parts(work, run.cycles):
            last = owner.get(index)
            if last is not None:
                found[last] += cycles + spare
                spare = 0
    if last is not None:
        found[last] += spare
    return found


def _parts(work: Sequence[tuple[int, Span]], cycles: int) -> Iterator[tuple[int, int]]:
    """Each EXECUTE of a segment, by number, with its cycles."""
    cuts = [cycles]
    for (_, (_, _, busy)), (_, (_, end, _)) in zip(work[:0:-1], work[-2::-1], strict=True):
        cuts.append(min(end + 1, cuts[-1] - busy))
    before = 0
    for (index, _), cut in zip(work, reversed(cuts), strict=False):
        yield index, cut - before
        before = cut
