"""What a run is reported as: one plain object, tables for a terminal, progress on the way."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
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
SHOW_AFTER = 2.0
"""Seconds until anything is shown."""
LINE_EVERY = 10.0
"""Seconds between two lines when standard error is no terminal."""


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
    console.print(lost_table(report))


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


def lost_table(report: dict[str, Any]) -> Table:
    """The shares of a summary with bars."""
    table = Table(title="Where the MAC-cycles went", show_header=False)
    for name, share in report["lost"].items():
        table.add_row(LOST_DOC[name], f"{share:.2%}", "█" * round(share * BAR))
    return table


class Reporter:
    """Call it with the work done and the work in all, as often as convenient."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._begin = time.monotonic()
        self._line = self._begin + SHOW_AFTER
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._begin < SHOW_AFTER:
            return
        if sys.stderr.isatty():
            self._draw(done, total)
        elif now >= self._line:
            self._line = now + LINE_EVERY
            print(f"{self._label}: {done / max(total, 1):.0%}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._label)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)


@contextmanager
def reporting(label: str) -> Iterator[Reporter]:
    """A reporter for the work of the body."""
    reporter = Reporter(label)
    try:
        yield reporter
    finally:
        reporter.close()
