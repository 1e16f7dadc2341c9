"""Two runs layer by layer: what one takes more than the other, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.report.comparison import ComparisonRow
from sim.fitted_table import Column, fitted_table
from sim.report import console, lines, unfoldered

Layers = Mapping[tuple[str, int], dict[str, Any]]
"""Figures by name, and number among the layers of that name."""


def layer_differences(first: ComparisonRow, second: ComparisonRow) -> list[dict[str, Any]]:
    """The layers of both runs by name, those with the greatest difference in cycles first.

    ``cycles`` and ``utilization`` are pairs; None stands for a run without that layer. The
    differences add up to that of the runs.
    """
    sides = [_layers(run) for run in (first, second)]
    rows: list[dict[str, Any]] = [
        {
            "name": key[0],
            "cycles": [_of(side, key, "cycles") for side in sides],
            "utilization": [_of(side, key, "utilization") for side in sides],
        }
        for key in dict.fromkeys([*sides[0], *sides[1]])
    ]
    for row in rows:
        before, after = row["cycles"]
        row["difference"] = (after or 0) - (before or 0)
    return sorted(rows, key=lambda row: -abs(row["difference"]))


def _layers(run: ComparisonRow) -> Layers:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    seen: Counter[str] = Counter()
    for layer in run.figures["layers"]:
        found[layer["name"], seen[layer["name"]]] = layer
        seen[layer["name"]] += 1
    return found


def _of(side: Layers, layer: tuple[str, int], key: str) -> Any:
    return side[layer][key] if layer in side else None


def print_differences(
    first: ComparisonRow, second: ComparisonRow, rows: Sequence[dict[str, Any]]
) -> None:
    """The layers' cycles in both runs, and the difference of the runs."""
    out = console()
    before, after = (run.figures["cycles"] for run in (first, second))
    shown = [row for row in rows if row["difference"]]
    columns = [
        Column("layer", unfoldered([row["name"] for row in shown]), False),
        *(
            Column(f"cycles {side}", [_whole(row["cycles"][i]) for row in shown])
            for i, side in enumerate("AB")
        ),
        Column("B - A", [f"{row['difference']:+,}" for row in shown]),
        *(
            Column(f"utilisation {side}", [_share(row["utilization"][i]) for row in shown], True, 1)
            for i, side in enumerate("AB")
        ),
    ]
    lines(out, [f"A: {first.labels}", f"B: {second.labels}", ""])
    lines(out, fitted_table(columns, out.width))
    same = len(rows) - len(shown)
    lines(
        out,
        [
            f"{same} layers take the same cycles." if same else "No layer takes the same cycles.",
            f"B takes {after:,} cycles, A {before:,}: {after - before:+,} "
            f"({after / before - 1:+.1%})",
        ],
    )


def _whole(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
