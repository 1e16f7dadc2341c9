"""Searches that learn from scores, by Optuna: NSGA-II and TPE for several objectives."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import Trial, TrialState

from compiler.explore.score import Score
from compiler.explore.space import Space, Values
from compiler.explore.variables import Variable

TRIES = 100
"""Candidates that may break a constraint, for each one that is wanted, before a search ends."""


class Adaptive:
    """Candidates in batches that follow from the scores of all batches before, and from the seed.

    A candidate that breaks a constraint, or has a bad point, is a trial that failed.
    """

    def __init__(self, space: Space) -> None:
        assert space.search.points is not None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._left = space.search.points
        self._study = optuna.create_study(
            sampler=_sampler(space),
            directions=["minimize"] * len(space.objectives),
        )
        self._distributions = {v.name: _distribution(v) for v in space.variables}
        self._asked: list[Trial] = []

    def ask(self) -> Sequence[Values]:
        """The next candidates, none at the end."""
        wanted = min(self._space.search.batch, self._left)
        found: list[Values] = []
        self._asked = []
        for _ in range(TRIES * wanted):
            if len(found) == wanted:
                break
            trial = self._study.ask(self._distributions)
            values = {v.name: v.values[trial.params[v.name]] for v in self._space.variables}
            if self._space.allows(values):
                self._asked.append(trial)
                found.append(values)
            else:
                self._study.tell(trial, state=TrialState.FAIL)
        self._left -= len(found)
        return found

    def tell(self, scores: Sequence[Score]) -> None:
        """Take the scores of the candidates that were asked last."""
        for trial, score in zip(self._asked, scores, strict=True):
            if score.objectives is None:
                self._study.tell(trial, state=TrialState.FAIL)
                continue
            if self._space.limits:
                trial.set_constraint("limits", score.excess)
            signs = [o.sign for o in self._space.objectives]
            self._study.tell(trial, [s * x for s, x in zip(signs, score.objectives, strict=True)])


def _sampler(space: Space) -> BaseSampler:
    search = space.search
    if search.method == "nsga2":
        return NSGAIISampler(population_size=max(2, search.batch), seed=search.seed)
    return TPESampler(seed=search.seed)


def _distribution(variable: Variable) -> BaseDistribution:
    """Places of values: in their order where they have one."""
    count = len(variable.values)
    if variable.is_ordered:
        return IntDistribution(0, count - 1)
    return CategoricalDistribution(range(count))
