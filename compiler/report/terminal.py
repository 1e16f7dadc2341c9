"""The report on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from compiler.report.explain_tables import print_explanation
from compiler.report.memory import SAMPLES
from compiler.report.page import remarks
from compiler.report.report import Report
from compiler.report.rows import LayerRow
from sim.report import BAR, console, headline, shares_table

WIDE = 110
"""Columns of a terminal from which on the table of layers has all of its own."""
LEVELS = " ▁▂▃▄▅▆▇█"


def print_report(report: Report) -> None:
    """Layers, how they are mapped, and where cycles and memory went."""
    out = console()
    out.print(_layer_table(report, out.width >= WIDE))
    out.print(_mapping_table(report))
    out.print(shares_table(report.summary))
    out.print(_gap_table(report))
    most = report.occupancy.share.max()
    out.print(f"Scratchpad in use at {SAMPLES} instants, at most {most:.0%}:")
    out.print(f"|{sparkline(report.occupancy.share, BAR)}|")
    if report.explanation is not None:
        print_explanation(report.explanation)
    for line in remarks(report.program):
        out.print(line)
    out.print(headline(report.summary))


def sparkline(shares: np.ndarray | Sequence[float], width: int) -> str:
    """``width`` characters, each as high as the largest of its part of ``shares``, 1 at most."""
    parts = np.array_split(np.asarray(shares, np.float64), width)
    return "".join(LEVELS[int(np.ceil(part.max() * (len(LEVELS) - 1)))] for part in parts)


def _layer_table(report: Report, wide: bool) -> Table:
    """``wide`` adds what the array lost and the maps that pass through memory."""
    table = Table(title="Layers", box=SIMPLE)
    for name in ("layer", "kind"):
        table.add_column(name, no_wrap=True)
    for name in ("MACs", "cycles", "useful", "read", "written"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        for name in ("lost", "idle"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("streamed", overflow="fold", min_width=8)
    for name, row in zip(report.names, report.rows, strict=True):
        figures = [f"{n:,}" for n in (row.macs, row.cycles)]
        moved = [f"{size:,}" for size in (row.read_bytes, row.write_bytes)]
        extra = [f"{row.lost:.1%}", f"{row.idle:.1%}", row.streamed] if wide else []
        table.add_row(name, row.kind, *figures, f"{row.useful:.1%}", *moved, *extra)
    return table


def _mapping_table(report: Report) -> Table:
    table = Table(title="How the layers are mapped", box=SIMPLE)
    table.add_column("layer", no_wrap=True)
    for name in ("output", "array", "tiles", "MACs/byte"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("weights", overflow="fold")
    for name, row in zip(report.names, report.rows, strict=True):
        table.add_row(
            name, _by(row.output_shape), _by(row.array), row.tiles, _intensity(row), row.weights
        )
    return table


def _gap_table(report: Report) -> Table:
    table = Table(title="Efficiency gap", show_header=False, box=SIMPLE)
    for latency in report.latencies:
        cells = f"{latency.cycles:,.0f}", f"{latency.efficiency:.1%}"
        table.add_row(latency.name, *cells, "█" * round(latency.efficiency * BAR))
    return table


def _by(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))


def _intensity(row: LayerRow) -> str:
    return "" if row.intensity is None else f"{row.intensity:,.1f}"
