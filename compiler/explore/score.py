"""The worth of a candidate: its objectives over all networks, and how far it breaks limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.explore.space import Limit, Space
from compiler.explore.worker import Row


@dataclass(frozen=True)
class Score:
    """Objectives of a candidate in the space's order, None for one with a bad point.

    ``excess`` is 0 where all limits are kept, or else how far the worst network is beyond them, as
    a share of the limit.
    """

    objectives: tuple[float, ...] | None
    excess: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether it has all figures and keeps all limits."""
        return self.objectives is not None and self.excess == 0


def score(space: Space, rows: Sequence[Row]) -> Score:
    """The score of a candidate from the rows of its points."""
    if any(row["reason"] is not None for row in rows):
        return Score(None)
    found = tuple(mean([row[o.name] for row in rows]) for o in space.objectives)
    return Score(
        found, max((_excess(limit, row) for limit in space.limits for row in rows), default=0)
    )


def mean(values: Sequence[float]) -> float:
    """The geometric mean, or the arithmetic one if a value is not above 0."""
    if len(set(values)) == 1:
        return values[0]
    if min(values) > 0:
        return math.exp(math.fsum(map(math.log, values)) / len(values))
    return math.fsum(values) / len(values)


def _excess(limit: Limit, row: Row) -> float:
    value = row[limit.name]
    over = 0.0 if limit.most is None else value - limit.most
    under = 0.0 if limit.least is None else limit.least - value
    bound = limit.most if over >= under else limit.least
    return max(over, under, 0.0) / (abs(bound or 0) or 1.0)
