"""Candidates that no other beats, and what each variable does to each objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compiler.explore.score import Score, mean
from compiler.explore.space import Space
from compiler.explore.variables import Value


def front(space: Space, scores: Sequence[Score]) -> list[int]:
    """Numbers of the good candidates of which no other is as good in all objectives and better in
    one, the best in the first objective first. Of equal ones the first counts."""
    signs = np.array([o.sign for o in space.objectives])
    good = [number for number, score in enumerate(scores) if score.is_good]
    values = {number: signs * np.array(scores[number].objectives) for number in good}
    # In this order none is beaten by a later one.
    good.sort(key=lambda number: (*values[number], number))
    kept: list[int] = []
    best = np.empty((0, len(signs)))
    for number in good:
        if not (best <= values[number]).all(axis=1).any():
            kept.append(number)
            best = np.vstack([best, values[number]])
    return kept


def main_effects(
    space: Space, candidates: Sequence[Mapping[str, Value]], scores: Sequence[Score]
) -> dict[str, dict[str, list[tuple[Value, float, int]]]]:
    """By variable and objective: each value, the mean of the objective with it, and of how many
    candidates. Means are geometric, or arithmetic if one figure is not above 0.

    Variables with one value are left out.
    """
    pairs = [
        (values, score.objectives)
        for values, score in zip(candidates, scores, strict=True)
        if score.objectives is not None
    ]
    found: dict[str, dict[str, list[tuple[Value, float, int]]]] = {}
    for variable in space.variables:
        if len(variable.values) == 1:
            continue
        own = found[variable.name] = {}
        for place, objective in enumerate(space.objectives):
            groups: dict[Value, list[float]] = {}
            for values, objectives in pairs:
                groups.setdefault(values[variable.name], []).append(objectives[place])
            own[objective.name] = [
                (value, mean(groups[value]), len(groups[value]))
                for value in variable.values
                if value in groups
            ]
    return found
