"""The report as HTML and as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from rich.console import Console
from rich.table import Table

from compiler.report.rows import LayerRow
from hw.spec.config import to_dict
from sim.program import Program
from sim.report import LOST_DOC, lost_table

TEMPLATE = Path(__file__).parent / "report.html.j2"


def render(program: Program, summary: dict[str, Any], rows: list[LayerRow]) -> str:
    """One HTML page that needs no other file."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        program=program,
        config=to_dict(program.config),
        summary=summary,
        remarks=remarks(program),
        rows=rows,
        lost={name: (LOST_DOC[name], share) for name, share in summary["lost"].items()},
    )


def print_report(
    program: Program, summary: dict[str, Any], rows: list[LayerRow], console: Console
) -> None:
    """The same on a terminal."""
    console.print(f"[bold]{program.network}[/] on {program.config.name}")
    console.print(_layer_table(rows))
    console.print(lost_table(summary))
    for line in remarks(program):
        console.print(line, highlight=False)
    console.print(
        f"{summary['cycles']:,} cycles, {summary['macs']:,} multiply-accumulates, utilisation "
        f"{summary['utilization']:.2%}; memory: {summary['dram_read_bytes']:,} bytes read, "
        f"{summary['dram_write_bytes']:,} written"
    )


def remarks(program: Program) -> list[str]:
    """What the reader must know: random weights, operators of the host, tensors not stored."""
    lines = []
    if program.random_weights:
        lines.append("The model has no weights: these are seeded random ones.")
    lines += [f"On the host: {node}, because {reason}" for node, reason in program.host_reasons]
    if program.not_stored:
        lines.append(f"Not in memory after fusion: {', '.join(program.not_stored)}")
    return lines


def _layer_table(rows: list[LayerRow]) -> Table:
    table = Table(title="Layers")
    table.add_column("layer", overflow="fold")
    table.add_column("kind", overflow="fold")
    for name in ("MACs", "cycles", "useful", "lost", "idle", "read", "written"):
        table.add_column(name, justify="right")
    table.add_column("residency", overflow="fold")
    for row in rows:
        shares = (f"{share:.1%}" for share in (row.useful, row.lost, row.idle))
        moved = (f"{size:,}" for size in (row.read_bytes, row.write_bytes))
        figures = (f"{row.macs:,}", f"{row.cycles:,}")
        table.add_row(row.name, row.kind, *figures, *shares, *moved, row.residency)
    return table
