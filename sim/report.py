"""Reports of a run: one plain object, tables for a terminal, progress on the way."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from hw.spec.regs import CYCLE_COUNTERS, Counter
from sim.program import Command, Program
from sim.simulation import (
    LayerTimes,
    Timing,
)

LOST_DOC = {
    "useful": "multiply-accumulates that the network's outputs need",
    "unneeded": "the model's others: channels padded or unread, results cut off",
    "grouped_zeros": "added zero weights, results made again",
    "array_edge": "array positions beyond the last pixel or channel",
    "busy_other": "pooling, addition and the like",
    "stall_operand": "operands being fetched from the scratchpad",
    "stall_weight": "weights being fetched from the scratchpad",
    "stall_drain": "the previous tile leaving the accumulators",
    "wait_load": "waiting for a LOAD",
    "wait_store": "waiting for a STORE",
    "wait_execute": "waiting for an earlier EXECUTE",
    "wait_command": "no EXECUTE command: start, command fetch, tail",
}
"""Uses of multiply-accumulate cycles, in the order of reports."""
LINE_WIDTH = 132
NAME_WIDTH = 28
"""Characters of a table's line where there is no terminal, and of a name in it."""
BAR = 40
"""Characters of a full bar."""
SHOW_AFTER = 2.0
"""Seconds until anything is shown."""
REDRAW_EVERY = 0.1
LINE_EVERY = 10.0
"""Seconds between two states of the bar, and between two lines where there is no terminal."""


def mac_cycles(timing: Timing, macs: int, done: int, mac_units: int) -> dict[str, int]:
    """Every multiply-accumulate cycle of a run by what became of it; the sum is units * cycles.

    Of the ``done`` multiply-accumulates of the model the outputs need ``macs``. Keys are those of
    LOST_DOC.
    """
    counters = timing.counters
    shares = {name: mac_units * counters[name] for name in LOST_DOC if name in counters}
    assert sum(counters[c.name.lower()] for c in CYCLE_COUNTERS) == timing.cycles
    occupied = counters[Counter.OCCUPIED.name.lower()]
    shares["useful"] = macs
    shares["unneeded"] = done - macs
    shares["grouped_zeros"] = occupied - done
    shares["array_edge"] = mac_units * counters[Counter.BUSY_NETWORK.name.lower()] - occupied
    return {name: shares[name] for name in LOST_DOC}


def summary(program: Program, timing: Timing) -> dict[str, Any]:
    """The run as plain data, fit for JSON. Bytes, cycles and counts are integers."""
    units = program.config.mac_units
    total = units * timing.cycles
    bus = program.config.bus_bytes
    shares = mac_cycles(timing, program.macs, sum(layer.done for layer in program.layers), units)
    return {
        "network": program.network,
        "preset": program.config.name,
        "mac_units": units,
        "macs": program.macs,
        "model_macs": program.model_macs,
        "host_macs": program.host_macs,
        "cycles": timing.cycles,
        "utilization": program.macs / total,
        "dram_read_bytes": timing.counters[Counter.READ_BEATS.name.lower()] * bus,
        "dram_write_bytes": timing.counters[Counter.WRITE_BEATS.name.lower()] * bus,
        "counters": dict(timing.counters),
        "lost": {name: count / total for name, count in shares.items()},
        "layers": [_layer(layer, units) for layer in timing.layers],
    }


def _layer(layer: LayerTimes, units: int) -> dict[str, Any]:
    """A layer's times; one without cycles, in a program that no compiler made, uses nothing."""
    used = layer.macs / (units * layer.cycles) if layer.cycles else 0.0
    return {**dataclasses.asdict(layer), "utilization": used}


def bus_bytes(command: Command, beat: int) -> int:
    """Bytes that a LOAD or STORE moves over the bus, in whole beats of ``beat`` bytes."""
    f = command.fields
    if not f.get("unpack"):
        return f["row_count"] * f["row_length"] * beat
    size = f["row_length"] * f["channels"]
    starts = (f["dram_addr"] + run * f["dram_stride"] for run in range(f["row_count"]))
    return sum(-(-(start % beat + size) // beat) * beat for start in starts)


def console() -> Console:
    """Standard output, with text as it is; tables get LINE_WIDTH columns if it is no terminal."""
    width = None if sys.stdout.isatty() else LINE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_summary(report: dict[str, Any]) -> None:
    """The same as text: layers, where the multiply-accumulate cycles went, and the figures."""
    out = console()
    out.print(_layer_table(report))
    out.print(lost_table(report))
    out.print(headline(report))


def headline(report: dict[str, Any]) -> str:
    """The figures of a run in two lines."""
    return (
        f"{report['network']} on {report['preset']} ({report['mac_units']} MAC units): "
        f"{report['cycles']:,} cycles, utilisation {report['utilization']:.2%}\n"
        f"{_counted(report)}, {report['dram_read_bytes']:,} bytes read, "
        f"{report['dram_write_bytes']:,} bytes written"
    )


def _counted(report: dict[str, Any]) -> str:
    """The multiply-accumulates, and those of the model that are not among them."""
    text = f"{report['macs']:,} multiply-accumulates"
    host = report["host_macs"]
    rest = report["model_macs"] - report["macs"] - host
    parts = [f"{host:,} on the host"] * (host > 0) + [f"{rest:,} needed by no output"] * (rest > 0)
    return f"{text} of the model's {report['model_macs']:,} ({', '.join(parts)})" if parts else text


def short_names(names: Sequence[str]) -> list[str]:
    """The first of each joined name, without the folders that all share, cut to NAME_WIDTH."""
    first = [name.split(";")[0] for name in names]
    shared = os.path.commonprefix(first) if len(first) > 1 else ""
    skip = shared.rfind("/") + 1
    rest = [name[skip:] for name in first]
    return [n if len(n) <= NAME_WIDTH else n[: NAME_WIDTH - 1] + "…" for n in rest]


def _layer_table(report: dict[str, Any]) -> Table:
    table = Table(title="Layers", box=SIMPLE)
    for name in ("layer", "kind"):
        table.add_column(name, no_wrap=True)
    for name in ("MACs", "start", "end", "busy", "cycles", "use"):
        table.add_column(name, justify="right", no_wrap=True)
    names = short_names([layer["name"] for layer in report["layers"]])
    for name, layer in zip(names, report["layers"], strict=True):
        keys = ("macs", "start_cycle", "end_cycle", "busy_cycles", "cycles")
        numbers = [f"{layer[key]:,}" for key in keys]
        table.add_row(name, layer["kind"], *numbers, f"{layer['utilization']:.1%}")
    return table


def lost_table(report: dict[str, Any]) -> Table:
    """The shares of a summary with bars."""
    table = Table(title="Where the MAC-cycles went", show_header=False, box=SIMPLE)
    for name, share in report["lost"].items():
        table.add_row(LOST_DOC[name], f"{share:.2%}", "█" * round(share * BAR))
    return table


class Reporter:
    """Call it with the work done and the work in all, as often as convenient.

    Its thread shows what it was last told: a bar on a terminal, a line now and then elsewhere.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._done, self._total = 0, 1
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def __call__(self, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` cycles are simulated."""
        self._done, self._total = done, max(total, 1)

    def close(self) -> None:
        """Remove the bar."""
        self._end.set()
        self._thread.join()

    def _show(self) -> None:
        if self._end.wait(SHOW_AFTER):
            return
        if sys.stderr.isatty():
            self._draw()
            return
        while True:
            share = self._done / self._total
            print(f"{self._label}: {share:.0%}", file=sys.stderr, flush=True)
            if self._end.wait(LINE_EVERY):
                return

    def _draw(self) -> None:
        label = TextColumn("{task.description}", markup=False)
        columns = (label, BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(self._label)
            while not self._end.wait(REDRAW_EVERY):
                bar.update(task, completed=self._done, total=self._total)


@contextmanager
def reporting(label: str) -> Iterator[Reporter]:
    """A reporter for the work of the body, shown when that takes more than SHOW_AFTER seconds."""
    reporter = Reporter(label)
    try:
        yield reporter
    finally:
        reporter.close()
