"""Reports of a run: one plain object, and tables for a terminal."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from hw.spec.config import title
from hw.spec.regs import Counter
from sim.fitted_table import LINE_WIDTH, Column, fitted_table, shortened
from sim.lost import LOST_DOC, USEFUL_DOC, lost_cycles, multiplied
from sim.program import Layer, Program
from sim.simulation import LayerTimes, Timing
from sim.traffic import layer_bytes

NAME_WIDTH = 28
"""Characters of a name in a table."""
BAR = 40
"""Characters of a full bar."""


def summary(program: Program, timing: Timing) -> dict[str, Any]:
    """The run as plain data, fit for JSON. Bytes, cycles and counts are integers; cycles lost to a
    cause, which are MAC-cycles over MAC units, are numbers."""
    units, bus = program.config.mac_units, program.config.bus_bytes
    counters = timing.counters
    done = sum(layer.done for layer in program.layers)
    occupied = counters[Counter.OCCUPIED.name.lower()]
    return {
        "network": program.network,
        "preset": title(program.config),
        "mac_units": units,
        "macs": program.macs,
        "model_macs": program.model_macs,
        "host_macs": program.host_macs,
        "cycles": timing.cycles,
        "utilization": program.macs / (units * timing.cycles),
        "dram_read_bytes": counters[Counter.READ_BEATS.name.lower()] * bus,
        "dram_write_bytes": counters[Counter.WRITE_BEATS.name.lower()] * bus,
        "counters": dict(counters),
        "lost": lost_cycles(counters, program.macs, done, occupied, units),
        "layers": _layers(program, timing),
    }


def _layers(program: Program, timing: Timing) -> list[dict[str, Any]]:
    moved = layer_bytes(program, timing.counters)
    rows = zip(program.layers, timing.layers, moved, strict=True)
    return [_layer(program, layer, times, *sizes) for layer, times, sizes in rows]


def _layer(
    program: Program, layer: Layer, times: LayerTimes, read: int, written: int
) -> dict[str, Any]:
    """A layer's figures; one without cycles, in a program that no compiler made, uses nothing."""
    units = program.config.mac_units
    occupied = sum(multiplied(program.commands[i], program.config) for i in layer.commands)
    figures = dataclasses.asdict(times)
    causes = figures.pop("causes")
    return {
        **figures,
        "utilization": layer.macs / (units * times.cycles) if times.cycles else 0.0,
        "lost": lost_cycles(causes, layer.macs, layer.done, occupied, units),
        "dram_read_bytes": read,
        "dram_write_bytes": written,
        "on_chip_bytes": layer.on_chip_bytes,
    }


def console() -> Console:
    """Standard output, with text as it is; tables get LINE_WIDTH columns if it is no terminal."""
    width = None if sys.stdout.isatty() else LINE_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def print_summary(report: dict[str, Any]) -> None:
    """The same as text: layers, where the multiply-accumulate cycles went, and the figures."""
    out = console()
    lines(out, ["Layers", *_layer_table(report, out.width), ""])
    out.print(shares_table(report))
    out.print(headline(report))


def headline(report: dict[str, Any]) -> str:
    """The figures of a run in two lines."""
    return (
        f"{report['network']} on {report['preset']} ({report['mac_units']} MAC units): "
        f"{report['cycles']:,} cycles, utilisation {report['utilization']:.2%}\n"
        f"{counted(report)}"
    )


def counted(report: dict[str, Any]) -> str:
    """Multiply-accumulates and bytes in one line."""
    return (
        f"{_macs(report)}, {report['dram_read_bytes']:,} bytes read, "
        f"{report['dram_write_bytes']:,} bytes written"
    )


def _macs(report: dict[str, Any]) -> str:
    """The multiply-accumulates, and those of the model that are not among them."""
    text = f"{report['macs']:,} multiply-accumulates"
    host = report["host_macs"]
    rest = report["model_macs"] - report["macs"] - host
    parts = [f"{host:,} on the host"] * (host > 0) + [f"{rest:,} needed by no output"] * (rest > 0)
    return f"{text} of the model's {report['model_macs']:,} ({', '.join(parts)})" if parts else text


def unfoldered(names: Sequence[str]) -> list[str]:
    """Names without the folders that all share."""
    shared = os.path.commonprefix(names) if len(names) > 1 else ""
    skip = shared.rfind("/") + 1
    return [name[skip:] for name in names]


def short_names(names: Sequence[str]) -> list[str]:
    """Likewise, those of more than NAME_WIDTH characters without their middle."""
    return [shortened(name, NAME_WIDTH) for name in unfoldered(names)]


def lines(out: Console, texts: Iterable[str]) -> None:
    """Print lines as they are, without wrapping."""
    for text in texts:
        out.print(text, soft_wrap=True)


def _layer_table(report: dict[str, Any], width: int) -> list[str]:
    layers = report["layers"]
    numbers = {
        "cycles": ("cycles", 0),
        "macs": ("MACs", 1),
        "start_cycle": ("start", 2),
        "end_cycle": ("end", 2),
        "busy_cycles": ("busy", 3),
    }
    return fitted_table(
        [
            Column("layer", unfoldered([layer["name"] for layer in layers]), False),
            Column("kind", [layer["kind"] for layer in layers], False, 4),
            *(
                Column(heading, [f"{layer[key]:,}" for layer in layers], True, rank)
                for key, (heading, rank) in numbers.items()
            ),
            Column("utilisation", [f"{layer['utilization']:.1%}" for layer in layers]),
        ],
        width,
    )


def mac_cycle_shares(report: dict[str, Any]) -> dict[str, float]:
    """Shares of all MAC-cycles by text: useful ones, then each cause of a loss."""
    lost = {LOST_DOC[name]: cycles / report["cycles"] for name, cycles in report["lost"].items()}
    return {USEFUL_DOC: report["utilization"], **lost}


def shares_table(report: dict[str, Any]) -> Table:
    """The shares of a summary with bars."""
    table = Table(title="Where the MAC-cycles went", show_header=False, box=SIMPLE)
    for text, share in mac_cycle_shares(report).items():
        table.add_row(text, f"{share:.2%}", "█" * round(share * BAR))
    return table
