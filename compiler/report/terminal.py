"""The report on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from compiler.clocks import Clock
from compiler.report.explain_tables import print_explanation
from compiler.report.glance import cost_lines, costliest, glance, hint, main_loss
from compiler.report.memory import SAMPLES
from compiler.report.page import remarks
from compiler.report.records import ENERGY, as_data, order
from compiler.report.report import Report
from sim.fitted_table import Column, fitted_table
from sim.report import BAR, console, counted, lines, shares_table, unfoldered

LEVELS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class View:
    """Parts of a report to print: the tables of ``layers``, all of them or the ``top`` so many,
    sorted by the key ``sort``, and times at a clock."""

    clock: Clock
    layers: bool = False
    top: int | None = None
    sort: str | None = None


def print_report(report: Report, view: View) -> None:
    """The tables that are asked for, remarks, the costliest layers, and all at one glance."""
    out = console()
    data = as_data(report, view.clock)
    if view.layers or view.sort is not None or view.top is not None:
        _print_layers(out, data["layers"], view)
    if view.layers:
        out.print(shares_table(report.summary))
        out.print(_gap_table(report))
        most = report.occupancy.share.max()
        out.print(f"Scratchpad in use at {SAMPLES} instants, at most {most:.0%}:")
        out.print(f"|{sparkline(report.occupancy.share, BAR)}|")
    if report.explanation is not None:
        print_explanation(report.explanation)
    for line in remarks(report.program):
        out.print(line)
    for line in cost_lines(data, len(report.program.segments)):
        out.print(line)
    out.print(counted(report.summary))
    _print_costliest(out, data["layers"])
    lines(out, [glance(data, view.clock)])


def sparkline(shares: np.ndarray | Sequence[float], width: int) -> str:
    """``width`` characters, each as high as the largest of its part of ``shares``, 1 at most."""
    parts = np.array_split(np.asarray(shares, np.float64), width)
    return "".join(LEVELS[int(np.ceil(part.max() * (len(LEVELS) - 1)))] for part in parts)


def _print_layers(out: Console, records: Sequence[dict[str, Any]], view: View) -> None:
    """The layers' figures and how they are mapped; ``--top`` alone means the costliest."""
    key = view.sort or ("cycles" if view.top is not None else None)
    numbers = order(records, key)[: view.top]
    names = unfoldered([record["name"] for record in records])
    names, records = [names[i] for i in numbers], [records[i] for i in numbers]
    for title, columns in (
        ("Layers", _figures(records)),
        ("How the layers are mapped", _mapping(records)),
    ):
        lines(out, [title, *fitted_table([Column("layer", names, False), *columns], out.width), ""])


def _figures(records: Sequence[dict[str, Any]]) -> list[Column]:
    losses = [main_loss(record) for record in records]
    return [
        Column("kind", [r["kind"] for r in records], False, 3),
        Column("cycles", [f"{r['cycles']:,}" for r in records]),
        Column("share", [f"{r['share']:.1%}" for r in records]),
        Column("utilisation", [f"{r['utilization']:.1%}" for r in records]),
        Column("energy, uJ", [f"{r[ENERGY]['total']:,.2f}" for r in records], True, 4),
        Column("MACs", [f"{r['macs']:,}" for r in records], True, 5),
        Column("most lost to", [f"{cause} {share:.1%}" for cause, share in losses], True, 2),
        Column("read", [f"{r['dram_read_bytes']:,}" for r in records], True, 6),
        Column("written", [f"{r['dram_write_bytes']:,}" for r in records], True, 7),
        Column("streamed", [r["streamed"] for r in records], False, 8),
    ]


def _mapping(records: Sequence[dict[str, Any]]) -> list[Column]:
    return [
        Column("output", [_by(r["output_shape"]) for r in records]),
        Column("array", [_by(r["array"]) for r in records]),
        Column("tiles", [r["tiles"] for r in records]),
        Column("MACs/byte", [_number(r["macs_per_byte"]) for r in records], True, 1),
        Column("weights", [r["weights"] for r in records], False, 2),
    ]


def _print_costliest(out: Console, records: Sequence[dict[str, Any]]) -> None:
    text = []
    for record in costliest(records):
        text.append(
            f"{record['name'].split(';')[0]} ({record['kind']}): {record['share']:.1%} of the "
            f"cycles, utilisation {record['utilization']:.1%}"
        )
        text += textwrap.wrap(hint(record), out.width - 6, initial_indent="  ")
    lines(out, ["The costliest layers:", *(f"  {line}" for line in text)])


def _gap_table(report: Report) -> Table:
    table = Table(title="Efficiency gap", show_header=False, box=SIMPLE)
    for latency in report.latencies:
        cells = f"{latency.cycles:,.0f}", f"{latency.efficiency:.1%}"
        table.add_row(latency.name, *cells, "█" * round(latency.efficiency * BAR))
    return table


def _by(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"
