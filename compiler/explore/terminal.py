"""A sweep on the terminal: its front, what the variables do, and the bad points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from compiler.explore.front import main_effects
from compiler.explore.sweep import Sweep
from sim.fitted_table import Column, fitted_table
from sim.report import console, lines

SHOWN = 20
"""Candidates of the front, and reasons of bad points, that are printed."""


def print_sweep(sweep: Sweep, best: Sequence[int]) -> None:
    """Print the front, the main effects and the reasons of bad points."""
    out = console()
    shown = best[:SHOWN]
    lines(out, [f"Front: {len(best)} of {len(sweep.candidates)} candidates"])
    if shown:
        lines(out, fitted_table(_columns(sweep, shown), out.width))
    if len(best) > len(shown):
        lines(out, [f"... and {len(best) - len(shown)} more in front.csv"])
    if effects := _effects(sweep):
        lines(out, ["", "Main effects: greatest mean / least mean over the values of a variable"])
        lines(out, fitted_table(effects, out.width))
    reasons = Counter(row["reason"] for own in sweep.rows for row in own if row["reason"])
    if reasons:
        lines(out, ["", f"Bad points: {sum(reasons.values()):,}"])
        lines(out, [f"{count:,} x {text}" for text, count in reasons.most_common(SHOWN)])


def _columns(sweep: Sweep, numbers: Sequence[int]) -> list[Column]:
    """The number, the variables that vary, and the objectives of candidates."""
    space = sweep.space
    columns = [Column("candidate", [str(number) for number in numbers])]
    for variable in space.variables:
        if len(variable.values) > 1:
            cells = [figure(sweep.candidates[number][variable.name]) for number in numbers]
            columns.append(Column(variable.name, cells, variable.is_ordered, 2))
    for place, objective in enumerate(space.objectives):
        found = [sweep.scores[number].objectives for number in numbers]
        cells = [figure(values[place]) for values in found if values is not None]
        columns.append(Column(objective.name, cells))
    return columns


def _effects(sweep: Sweep) -> list[Column]:
    effects = main_effects(sweep.space, sweep.candidates, sweep.scores)
    if not effects:
        return []
    columns = [Column("variable", list(effects), False)]
    for objective in sweep.space.objectives:
        spreads = []
        for own in effects.values():
            means = [mean for _, mean, _ in own[objective.name]]
            ratio = bool(means) and min(means) > 0
            spreads.append(f"{max(means) / min(means):.3f}" if ratio else "-")
        columns.append(Column(objective.name, spreads))
    return columns


def figure(value: Any) -> str:
    """A number with separators, or any other value as it is."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.4g}"
    return f"{value:,}" if type(value) is int else str(value)
