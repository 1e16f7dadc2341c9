"""The order in which candidates are tried: all of them, or some at random."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from compiler.explore.score import Score
from compiler.explore.space import Space, Values

BATCH = 10_000
"""Candidates of a grid, or at random, that are worked out together."""
TRIES = 1_000
"""Combinations that may break a constraint, one after another, before a search gives up."""


class Searcher(Protocol):
    """Gives candidates in batches; the next may depend on the scores of those before.

    The same space gives the same candidates, whoever works them out.
    """

    def ask(self) -> Sequence[Values]:
        """The next candidates, none at the end."""

    def tell(self, scores: Sequence[Score]) -> None:
        """Take the scores of the candidates that were asked last."""


class Listed:
    """Candidates that depend on no score."""

    def __init__(self, candidates: Iterator[Values]) -> None:
        self._candidates = candidates

    def ask(self) -> Sequence[Values]:
        """The next candidates, none at the end."""
        return [values for _, values in zip(range(BATCH), self._candidates, strict=False)]

    def tell(self, scores: Sequence[Score]) -> None:
        """Do nothing."""


def searcher(space: Space) -> Searcher:
    """The search that a space asks for."""
    if space.search.method == "grid":
        return Listed(_grid(space))
    if space.search.method == "random":
        return Listed(_random(space))
    from compiler.explore.adaptive import Adaptive

    return Adaptive(space)


def _grid(space: Space) -> Iterator[Values]:
    candidates = map(space.combination, range(space.size()))
    return (values for values in candidates if space.allows(values))


def _random(space: Space) -> Iterator[Values]:
    """Different candidates, as many as are wanted or found."""
    draw, size = random.Random(space.search.seed), space.size()
    assert space.search.points is not None
    seen: set[int] = set()
    found = tries = 0
    while found < space.search.points and tries < TRIES and len(seen) < size:
        number = draw.randrange(size)
        tries += 1
        if number in seen:
            continue
        seen.add(number)
        values = space.combination(number)
        if space.allows(values):
            found, tries = found + 1, 0
            yield values
