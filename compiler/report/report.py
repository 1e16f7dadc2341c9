"""Data of a mapping, before they are drawn or printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compiler.codegen.compiled import Compiled
from compiler.report.blocks import Edge, blocks, edges
from compiler.report.bounds import Block, Latency, Roof, block_figures, latencies, roof_of
from compiler.report.check import check
from compiler.report.energy import layer_energies, read_energy_table
from compiler.report.explain import explanation
from compiler.report.memory import Occupancy, occupancy
from compiler.report.rows import LayerRow, layer_rows
from sim.program import Program
from sim.report import short_names, summary
from sim.simulation import Timing


@dataclass(frozen=True)
class Report:
    """A mapping's figures. ``summary`` is that of ``sim.report``, ``rows`` has the layers,
    ``names`` what they are called where room is short. ``energies`` are the estimates of the layers
    in microjoules, by part; ``costs`` has figures of what --host and --memory change.
    ``explanation`` is there on request."""

    program: Program
    summary: dict[str, Any]
    rows: Sequence[LayerRow]
    names: Sequence[str]
    edges: Sequence[Edge]
    blocks: Sequence[Block]
    roof: Roof
    occupancy: Occupancy
    latencies: Sequence[Latency]
    energies: Sequence[dict[str, float]]
    energy_source: str
    costs: Mapping[str, int | None]
    explanation: dict[str, Any] | None = None


def report_of(
    compiled: Compiled,
    program: Program,
    timing: Timing,
    unfused: int | None = None,
    explain: bool = False,
    costs: Mapping[str, int | None] | None = None,
) -> Report:
    """The report of a compiled network, its program as written and the program's simulated times.

    ``unfused`` is the cycles of the same network with every tensor stored, if they are known. To
    ``explain`` it, the planner must have kept a record.
    """
    figures = summary(program, timing)
    check(program, timing, figures)
    rows, links = layer_rows(compiled, program, timing), edges(compiled)
    found = block_figures(compiled, rows, blocks(len(rows), links))
    roof = roof_of(program.config)
    table = read_energy_table()
    return Report(
        program=program,
        summary=figures,
        rows=rows,
        names=short_names([row.name for row in rows]),
        edges=links,
        blocks=found,
        roof=roof,
        occupancy=occupancy(compiled.commands, timing, program.config.scratchpad_words),
        latencies=latencies(roof, found, timing.cycles, unfused),
        energies=layer_energies(program, timing, table),
        energy_source=table.source,
        costs=costs or {},
        explanation=explanation(compiled) if explain else None,
    )
