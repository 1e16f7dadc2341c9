"""Runs side by side: figures as plain data and as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from compiler.clocks import Clock
from compiler.report.energy import EnergyTable, energy_estimate
from compiler.report.page import model_remarks
from compiler.report.units import BYTES, COUNTS, MICROJOULES, MILLISECONDS, Units, digits, unit_of
from sim.fitted_table import Column, fitted_table
from sim.program import Program
from sim.report import console, lines, summary
from sim.simulation import Timing

MACHINE = 30
"""Characters that the name of a machine keeps, if it has so many."""


@dataclass(frozen=True)
class Labels:
    """Words for a run: network, machine (preset and settings, or file), and the compiler's
    options."""

    network: str
    machine: str
    options: str = ""

    def __str__(self) -> str:
        return " ".join((self.network, "on", self.machine, self.options)).rstrip()


@dataclass(frozen=True)
class ComparisonRow:
    """The figures of one run.

    ``figures`` are those of ``sim.report.summary``; ``energy`` is the estimate in microjoules, by
    part, ``resources`` that of the machine on the FPGA ``target``. ``remarks`` name random weights
    and what the host computes, which is in no figure.
    """

    labels: Labels
    figures: dict[str, Any]
    energy: dict[str, float]
    clock: Clock
    target: str
    resources: dict[str, int]
    remarks: tuple[str, ...] = ()

    @property
    def milliseconds(self) -> float:
        """The time of the run at its clock."""
        return self.clock.milliseconds(self.figures["cycles"])


@dataclass(frozen=True)
class Refusal:
    """A combination that does not map, and why."""

    labels: Labels
    reason: str


Outcome = ComparisonRow | Refusal


def run_of(
    program: Program,
    timing: Timing,
    labels: Labels,
    table: EnergyTable,
    clock: Clock,
    target: str,
    resources: dict[str, int],
) -> ComparisonRow:
    """The run of a mapped network at a clock, on a machine of so many resources."""
    return ComparisonRow(
        labels,
        figures=summary(program, timing),
        energy=energy_estimate(program, timing, table),
        clock=clock,
        target=target,
        resources=resources,
        remarks=tuple(model_remarks(program)),
    )


def as_data(outcomes: Sequence[Outcome], table: EnergyTable) -> dict[str, Any]:
    """The comparison fit for JSON; a combination that does not map has ``error``."""
    return {"energy_source": table.source, "runs": [_data(outcome) for outcome in outcomes]}


def _data(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Refusal):
        return {**vars(outcome.labels), "error": outcome.reason}
    return {
        **outcome.figures,
        **vars(outcome.labels),
        "clock_mhz": outcome.clock.mhz,
        "clock": outcome.clock.source,
        "milliseconds": outcome.milliseconds,
        "per_second": 1e3 / outcome.milliseconds,
        "energy_estimate_uj": {**outcome.energy, "total": sum(outcome.energy.values())},
        "target": outcome.target,
        "resources_estimate": outcome.resources,
        "remarks": list(outcome.remarks),
    }


def print_comparison(outcomes: Sequence[Outcome], table: EnergyTable) -> None:
    """The comparison as a table, the reasons of what does not map, and what is assumed."""
    out = console()
    runs = [outcome for outcome in outcomes if isinstance(outcome, ComparisonRow)]
    lines(out, fitted_table(_columns(outcomes), out.width))
    lines(out, [f"{x.labels}: {x.reason}" for x in outcomes if isinstance(x, Refusal)])
    said = [f"{run.labels.network}: {line}" for run in runs for line in run.remarks]
    targets = dict.fromkeys(f"LUTs on {run.target} are estimated (hw area)." for run in runs)
    lines(out, ["", *dict.fromkeys(said), *_clocks(runs), *targets])
    out.print(
        "Batch 1. The energy is an estimate from counted accesses; energies of an access: "
        f"{table.source}."
    )


def _clocks(runs: Sequence[ComparisonRow]) -> list[str]:
    """The clocks with their machines, or one that all have."""
    machines: dict[str, dict[str, None]] = {}
    for run in runs:
        machines.setdefault(str(run.clock), {})[run.labels.machine] = None
    if len(machines) == 1:
        return [f"{clock}." for clock in machines]
    return [f"{clock}: {', '.join(names)}." for clock, names in machines.items()]


def _columns(outcomes: Sequence[Outcome]) -> list[Column]:
    labels = [outcome.labels for outcome in outcomes]
    options = [Column("options", [x.options for x in labels], False, 2)]
    return [
        Column("network", [x.network for x in labels], False),
        Column("machine", [x.machine for x in labels], False, shortest=MACHINE),
        *(options if any(x.options for x in labels) else []),
        _figures("cycles", outcomes, lambda run: run.figures["cycles"]),
        _figures("time", outcomes, lambda run: run.milliseconds, MILLISECONDS),
        _figures("pictures/s", outcomes, lambda run: 1e3 / run.milliseconds, (("", 1.0),), 3),
        Column("utilisation", _cells(outcomes, lambda run: f"{run.figures['utilization']:.1%}")),
        _figures("energy", outcomes, lambda run: sum(run.energy.values()), MICROJOULES, 1),
        _figures("LUTs", outcomes, lambda run: run.resources["luts"], COUNTS, 3),
        _figures("MACs", outcomes, lambda run: run.figures["macs"], COUNTS, 4),
        _figures("read", outcomes, lambda run: run.figures["dram_read_bytes"], BYTES, 5),
        _figures("written", outcomes, lambda run: run.figures["dram_write_bytes"], BYTES, 6),
    ]


def _figures(
    heading: str,
    outcomes: Sequence[Outcome],
    value: Callable[[ComparisonRow], float],
    units: Units | None = None,
    rank: int = 0,
) -> Column:
    """A column in one unit; without ``units`` whole numbers."""
    if units is None:
        return Column(heading, _cells(outcomes, lambda run: f"{value(run):,}"), True, rank)
    found = [value(x) for x in outcomes if isinstance(x, ComparisonRow)]
    name, size = unit_of(found, units)
    title = f"{heading}, {name}" if name else heading
    return Column(title, _cells(outcomes, lambda run: digits(value(run) / size)), True, rank)


def _cells(outcomes: Sequence[Outcome], text: Callable[[ComparisonRow], str]) -> list[str]:
    return [text(x) if isinstance(x, ComparisonRow) else "-" for x in outcomes]
