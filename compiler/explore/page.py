"""The page of a sweep: the front among all candidates, and the main effects."""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from compiler.explore.front import main_effects
from compiler.explore.sweep import Sweep
from compiler.explore.terminal import figure
from compiler.whole_files import write_file
from sim.lost import LOST_DOC

PAGE = "page.html"
MOST = 20_000
"""Candidates beside the front that the page shows; more would make it slow."""
PAIRS = 6
"""Pairs of objectives that are drawn."""
CELL = 260
"""Height of a small plot in pixels."""


def write_page(sweep: Sweep, best: Sequence[int], folder: Path) -> None:
    """Write ``page.html``, which needs nothing besides itself."""
    drawn = [*_fronts(sweep, best), *_effects(sweep)]
    parts = [
        plot.to_html(full_html=False, include_plotlyjs=number == 0)
        for number, plot in enumerate(drawn)
    ]
    title = f"{len(sweep.candidates):,} candidates, {len(best):,} on the front"
    text = (
        f"<!DOCTYPE html><html><head><meta charset='utf-8'><title>{title}</title></head>"
        f"<body style='font-family: sans-serif'><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )
    write_file(folder / PAGE, text)


def _fronts(sweep: Sweep, best: Sequence[int]) -> list[go.Figure]:
    """Candidates by pairs of objectives; with one objective, by their number."""
    names = [o.name for o in sweep.space.objectives]
    on_front = set(best)
    good = [n for n, score in enumerate(sweep.scores) if score.is_good and n not in on_front]
    others = good[:: -(-len(good) // MOST)] if good else []
    pairs = list(itertools.combinations(range(len(names)), 2))[:PAIRS] or [(-1, 0)]
    found = []
    for x, y in pairs:
        plot = go.Figure()
        for numbers, name, style in (
            (others, "other candidates", {"size": 5, "color": "lightgray"}),
            (best, "front", {"size": 8, "color": "crimson"}),
        ):
            plot.add_trace(
                go.Scatter(
                    x=[_value(sweep, n, x) for n in numbers],
                    y=[_value(sweep, n, y) for n in numbers],
                    text=[_hover(sweep, n) for n in numbers],
                    hovertemplate="%{text}<extra></extra>",
                    mode="markers",
                    name=name,
                    marker=style,
                )
            )
        plot.update_layout(
            xaxis_title="candidate" if x < 0 else names[x], yaxis_title=names[y], height=520
        )
        found.append(plot)
    return found


def _value(sweep: Sweep, number: int, objective: int) -> float:
    found = sweep.scores[number].objectives
    assert found is not None
    return number if objective < 0 else found[objective]


def _hover(sweep: Sweep, number: int) -> str:
    """Machine, networks, figures, and what each network's machine loses most cycles to."""
    rows = sweep.rows[number]
    objectives = sweep.scores[number].objectives
    assert objectives is not None
    texts = [f"candidate {number}: {rows[0]['machine']}"]
    for point, row in zip(sweep.space.points(sweep.candidates[number]), rows, strict=True):
        given = " ".join(f"{name}={figure(value)}" for name, value in point.arguments)
        texts.append(
            f"{point.network} {given}: {row['cycles']:,} cycles, utilisation "
            f"{row['utilization']:.1%}; loses {row['stall_share']:.1%} to "
            f"{LOST_DOC[row['stall']]}"
        )
    names = (o.name for o in sweep.space.objectives)
    pairs = zip(names, objectives, strict=True)
    texts.append(", ".join(f"{name} {figure(value)}" for name, value in pairs))
    return "<br>".join(html.escape(text) for text in texts)


def _effects(sweep: Sweep) -> list[go.Figure]:
    """The mean of each objective by the values of each variable."""
    effects = main_effects(sweep.space, sweep.candidates, sweep.scores)
    names = [o.name for o in sweep.space.objectives]
    if not effects or not any(effects[v][o] for v in effects for o in names):
        return []
    grid = make_subplots(
        rows=len(names), cols=len(effects), column_titles=list(effects), row_titles=names
    )
    for row, objective in enumerate(names, 1):
        for column, variable in enumerate(effects, 1):
            points = effects[variable][objective]
            grid.add_trace(
                go.Scatter(
                    x=[str(value) for value, _, _ in points],
                    y=[mean for _, mean, _ in points],
                    text=[f"{count} candidates" for _, _, count in points],
                    mode="lines+markers",
                    showlegend=False,
                ),
                row=row,
                col=column,
            )
    grid.update_xaxes(type="category")
    grid.update_layout(
        title="Main effects: means over all candidates", height=CELL * len(names) + 120
    )
    return [grid]
