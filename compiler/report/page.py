"""The report as HTML and as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from rich.box import SIMPLE
from rich.table import Table

from compiler.report.rows import LayerRow
from hw.spec.config import to_dict
from sim.program import HostNode, Program
from sim.report import LOST_DOC, console, headline, lost_table, short_names

WIDE = 110
"""Columns of a terminal from which on the table of layers has all of its own."""
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
        rows=list(zip(short_names([row.name for row in rows]), rows, strict=True)),
        lost={name: (LOST_DOC[name], share) for name, share in summary["lost"].items()},
    )


def print_report(program: Program, summary: dict[str, Any], rows: list[LayerRow]) -> None:
    """The same on a terminal."""
    out = console()
    out.print(_layer_table(rows, out.width >= WIDE))
    out.print(lost_table(summary))
    for line in remarks(program):
        out.print(line, markup=False)
    out.print(headline(summary), markup=False)


def remarks(program: Program) -> list[str]:
    """What the reader must know: random weights, operators of the host, tensors not stored."""
    lines = model_remarks(program)
    if program.not_stored:
        lines.append(f"{len(program.not_stored)} tensors stay on the chip or are fused away.")
    return lines


def model_remarks(program: Program) -> list[str]:
    """Likewise, as far as the model has it so."""
    lines = []
    if program.random_weights:
        lines.append("The model has no weights: these are seeded random ones.")
    if program.random_calibration:
        lines.append("Calibrated with seeded random inputs, so that answers may be far off: "
                     "--calibrate takes real ones.")
    return lines + host_remarks(program)


def host_remarks(program: Program) -> list[str]:
    """The host's operators by kind and reason, with their share of the values that nodes compute.

    Values are the elements of what the nodes make; a reshape makes none.
    """
    kinds: dict[tuple[str, str], list[HostNode]] = {}
    for found in program.host:
        kinds.setdefault((found.op, found.reason), []).append(found)
    lines = []
    for (op, reason), nodes in kinds.items():
        count, macs = sum(n.elements for n in nodes), sum(n.macs for n in nodes)
        uncounted = f", {macs:,} multiply-accumulates that are in no count" if macs else ""
        names = ", ".join(found.name for found in nodes)
        lines.append(
            f"On the host: {op} ({reason}), {count:,} of the network's {program.elements:,} "
            f"computed values ({count / max(program.elements, 1):.1%}){uncounted}: {names}."
        )
    if len(program.segments) > 1:
        lines.append(
            f"The machine runs {len(program.segments)} segments, the host between them; cycles "
            "are those of the machine."
        )
    return lines


def _layer_table(rows: list[LayerRow], wide: bool) -> Table:
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
    for name, row in zip(short_names([row.name for row in rows]), rows, strict=True):
        figures = [f"{n:,}" for n in (row.macs, row.cycles)]
        moved = [f"{size:,}" for size in (row.read_bytes, row.write_bytes)]
        extra = [f"{row.lost:.1%}", f"{row.idle:.1%}", streamed(row.residency)] if wide else []
        table.add_row(name, row.kind, *figures, f"{row.useful:.1%}", *moved, *extra)
    return table


def streamed(residency: str) -> str:
    """The maps that pass through memory, out of the compiler's words for where all of them lie."""
    words = " streamed"
    parts = [p.strip() for p in residency.split(",") if p.endswith(words)]
    return ", ".join(p.removesuffix(words).removeprefix("network ") for p in parts)
