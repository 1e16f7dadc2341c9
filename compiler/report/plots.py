"""Figures of runs, as vector graphics or pixels."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from compiler.report.comparison import MEGA, ComparisonRow
from compiler.report.energy import PARTS

BAR_INCHES = 0.45
MARGIN_INCHES = 1.6
"""Height of a figure: for each run, and next to them."""
WIDTH_INCHES = 13.0
DOTS_PER_INCH = 150
PLAIN = "dimgray"
COLOURS = {"DRAM read": "tab:cyan", "DRAM written": "tab:pink"} | dict(
    zip(
        (f"energy, {name}" for name in PARTS.values()),
        ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple"),
        strict=True,
    )
)
"""Colours of the parts of bars, by their names in the legend."""


def comparison_figure(runs: Sequence[ComparisonRow], mhz: float) -> Figure:
    """Bars for each run: time at a clock, utilisation, bytes of DRAM and estimated energy."""
    size = (WIDTH_INCHES, MARGIN_INCHES + BAR_INCHES * len(runs))
    figure = Figure(figsize=size, layout="constrained")
    time, use, dram, energy = figure.subplots(1, 4, sharey=True)
    _bars(time, f"ms at {mhz:g} MHz", [[run.milliseconds for run in runs]], [PLAIN])
    _bars(use, "utilisation, %", [[100 * run.figures["utilization"] for run in runs]], [PLAIN])
    use.set_xlim(0, 100)
    keys = ("dram_read_bytes", "dram_write_bytes")
    moved = [[run.figures[key] / MEGA for run in runs] for key in keys]
    _bars(dram, "DRAM, MB", moved, list(COLOURS.values())[:2])
    parts = [[run.energy[part] for run in runs] for part in PARTS]
    _bars(energy, "energy, uJ (estimate)", parts, list(COLOURS.values())[2:])
    time.set_yticks(range(len(runs)), [_label(run) for run in runs], fontsize="small")
    time.invert_yaxis()
    handles = [Patch(color=c, label=name) for name, c in COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _label(run: ComparisonRow) -> str:
    """Two lines, in which no dollar sign begins a formula."""
    second = ", ".join(part for part in (run.machine, run.options) if part)
    return f"{run.network}\n{second}".replace("$", r"\$")


def _bars(axes: Axes, title: str, parts: Sequence[Sequence[float]], colours: Sequence[str]) -> None:
    """A horizontal bar for each run, made of ``parts`` from left to right."""
    starts = [0.0] * len(parts[0])
    for values, colour in zip(parts, colours, strict=True):
        axes.barh(range(len(values)), values, left=starts, color=colour)
        starts = [start + value for start, value in zip(starts, values, strict=True)]
    axes.set_title(title, fontsize="medium")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def rendered(figure: Figure, form: str) -> bytes:
    """The figure as an ``svg`` or ``png`` file; the same figure gives the same bytes.

    The text of an ``svg`` stays text.
    """
    file = io.BytesIO()
    metadata = {"Date": None} if form == "svg" else {}
    with matplotlib.rc_context({"svg.hashsalt": "figure", "svg.fonttype": "none"}):
        figure.savefig(file, format=form, dpi=DOTS_PER_INCH, metadata=metadata)
    return file.getvalue()
