"""Runs side by side: figures as plain data and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from compiler.report.energy import EnergyTable, energy_estimate
from compiler.report.page import model_remarks
from sim.program import Program
from sim.report import console, summary
from sim.simulation import Timing

MEGA = 1e6


@dataclass(frozen=True)
class ComparisonRow:
    """The figures of one run.

    ``machine`` names preset and settings, ``options`` the compiler's. ``figures`` are those of
    ``sim.report.summary``; ``energy`` is the estimate in microjoules, by part. ``remarks`` name
    random weights and what the host computes, which is in no figure.
    """

    network: str
    machine: str
    options: str
    figures: dict[str, Any]
    energy: dict[str, float]
    milliseconds: float
    remarks: tuple[str, ...] = ()


def run_of(
    program: Program, timing: Timing, names: tuple[str, str, str], table: EnergyTable, mhz: float
) -> ComparisonRow:
    """The run of a mapped network at a clock; ``names`` are network, machine and options."""
    return ComparisonRow(
        *names,
        figures=summary(program, timing),
        energy=energy_estimate(program, timing, table),
        milliseconds=timing.cycles / (1e3 * mhz),
        remarks=tuple(model_remarks(program)),
    )


def as_data(runs: Sequence[ComparisonRow], table: EnergyTable, mhz: float) -> dict[str, Any]:
    """The comparison fit for JSON."""
    return {
        "clock_mhz": mhz,
        "energy_source": table.source,
        "runs": [
            {
                **run.figures,
                "network": run.network,
                "machine": run.machine,
                "options": run.options,
                "milliseconds": run.milliseconds,
                "energy_estimate_uj": {**run.energy, "total": sum(run.energy.values())},
                "remarks": list(run.remarks),
            }
            for run in runs
        ],
    }


def print_comparison(runs: Sequence[ComparisonRow], table: EnergyTable, mhz: float) -> None:
    """The comparison as a table."""
    out = console()
    rows = Table(title=f"Batch 1; times at {mhz:g} MHz", box=SIMPLE)
    for name in ("network", "machine", "options"):
        rows.add_column(name, overflow="fold")
    for name in ("MACs, M", "cycles", "use", "read, MB", "written, MB", "uJ (estimate)", "ms"):
        rows.add_column(name, justify="right", no_wrap=True)
    for run in runs:
        rows.add_row(run.network, run.machine, run.options, *_cells(run))
    out.print(rows)
    for line in dict.fromkeys(f"{run.network}: {line}" for run in runs for line in run.remarks):
        out.print(line)
    out.print(
        "use: the network's multiply-accumulates / (MAC units x cycles). The energy is an "
        f"estimate from counted accesses; energies of an access: {table.source}."
    )


def _cells(run: ComparisonRow) -> tuple[str, ...]:
    figures = run.figures
    return (
        f"{figures['macs'] / MEGA:,.1f}",
        f"{figures['cycles']:,}",
        f"{figures['utilization']:.1%}",
        f"{figures['dram_read_bytes'] / MEGA:,.2f}",
        f"{figures['dram_write_bytes'] / MEGA:,.2f}",
        f"{sum(run.energy.values()):,.0f}",
        f"{run.milliseconds:,.3f}",
    )
