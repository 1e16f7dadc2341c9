"""What a run is reported as: one plain object, and tables for a terminal."""

from __future__ import annotations

import dataclasses
from typing import Any

from rich.console import Console
from rich.table import Table

from hw.spec.regs import CYCLE_COUNTERS, Counter
from sim.machine import Timing
from sim.program import Program

LOST_DOC = {
    "useful": "the network's own multiply-accumulates",
    "grouped_zeros": "zero weights of grouped convolutions",
    "array_edge": "array positions beyond the last pixel or channel",
    "busy_other": "pooling, addition and the like",
    "stall_operand": "operands being fetched from the pool",
    "stall_weight": "weights being fetched from the pool",
    "stall_drain": "the previous tile leaving the accumulators",
    "wait_load": "waiting for a LOAD",
    "wait_store": "waiting for a STORE",
    "wait_execute": "waiting for an earlier EXECUTE",
    "wait_command": "no EXECUTE command: start, command fetch, tail",
}
"""Where multiply-accumulate cycles go, in the order of reports."""
BAR = 40
"""Characters of a full bar."""


def mac_cycles(timing: Timing, macs: int, mac_units: int) -> dict[str, int]:
    """Every multiply-accumulate cycle of a run by what became of it; the sum is units * cycles.

    Keys are those of LOST_DOC. Cycles that no counter has (from the last one to the interrupt) are
    the command's.
    """
    counters = timing.counters
    shares = {name: mac_units * counters[name] for name in LOST_DOC if name in counters}
    counted = sum(counters[c.name.lower()] for c in CYCLE_COUNTERS)
    shares["wait_command"] += mac_units * (timing.cycles - counted)
    occupied = counters[Counter.OCCUPIED.name.lower()]
    shares["useful"] = macs
    shares["grouped_zeros"] = occupied - macs
    shares["array_edge"] = mac_units * counters[Counter.BUSY_NETWORK.name.lower()] - occupied
    return {name: shares[name] for name in LOST_DOC}


def summary(program: Program, timing: Timing) -> dict[str, Any]:
    """The run as plain data, fit for JSON. Bytes, cycles and counts are integers."""
    units = program.config.mac_units
    total = units * timing.cycles
    bus = program.config.bus_bytes
    shares = mac_cycles(timing, program.macs, units)
    return {
        "network": program.network,
        "preset": program.config.name,
        "mac_units": units,
        "macs": program.macs,
        "cycles": timing.cycles,
        "utilization": program.macs / total,
        "dram_read_bytes": timing.counters[Counter.READ_BEATS.name.lower()] * bus,
        "dram_write_bytes": timing.counters[Counter.WRITE_BEATS.name.lower()] * bus,
        "counters": dict(timing.counters),
        "lost": {name: count / total for name, count in shares.items()},
        "layers": [dataclasses.asdict(layer) for layer in timing.layers],
    }


def print_summary(report: dict[str, Any], console: Console) -> None:
    """The same as text: the figures, where the multiply-accumulate cycles went, and the layers."""
    console.print(
        f"[bold]{report['network']}[/] on {report['preset']} ({report['mac_units']} MAC units)"
    )
    console.print(
        f"{report['cycles']:,} cycles, {report['macs']:,} multiply-accumulates, utilisation "
        f"{report['utilization']:.2%}; memory: {report['dram_read_bytes']:,} bytes read, "
        f"{report['dram_write_bytes']:,} written"
    )
    console.print(_layer_table(report))
    console.print(_lost_table(report))


def _layer_table(report: dict[str, Any]) -> Table:
    table = Table(title="Layers")
    for name in ("layer", "kind"):
        table.add_column(name, overflow="fold")
    for name in ("MACs", "start", "end", "busy", "utilisation"):
        table.add_column(name, justify="right")
    for layer in report["layers"]:
        span = layer["end_cycle"] - layer["start_cycle"]
        used = layer["macs"] / (report["mac_units"] * span) if span else 0.0
        numbers = [layer[k] for k in ("macs", "start_cycle", "end_cycle", "busy_cycles")]
        table.add_row(layer["name"], layer["kind"], *(f"{n:,}" for n in numbers), f"{used:.1%}")
    return table


def _lost_table(report: dict[str, Any]) -> Table:
    table = Table(title="Where the MAC-cycles went", show_header=False)
    for name, share in report["lost"].items():
        table.add_row(LOST_DOC[name], f"{share:.2%}", "█" * round(share * BAR))
    return table
