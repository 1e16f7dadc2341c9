"""Figures of runs, as vector graphics or pixels."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from compiler.report.comparison import ComparisonRow
from compiler.report.energy import PARTS
from compiler.report.units import BYTES, MICROJOULES, MILLISECONDS, Units, digits, unit_of
from sim.fitted_table import shortened

BAR_INCHES = 0.45
MARGIN_INCHES = 1.6
"""Height of a figure: for each run, and next to them."""
WIDTH_INCHES = 13.0
DOTS_PER_INCH = 150
PLAIN = "dimgray"
PERCENT: Units = (("%", 1.0),)
WORD = 28
"""Characters of a word beside the bars."""
ROOM = 1.22
"""Width of a plot to that of its longest bar: room for the value."""
COLOURS = {"DRAM read": "tab:cyan", "DRAM written": "tab:pink"} | dict(
    zip(
        (f"energy, {name}" for name in PARTS.values()),
        ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple"),
        strict=True,
    )
)
"""Colours of the parts of bars, by their names in the legend."""


def comparison_figure(runs: Sequence[ComparisonRow]) -> Figure:
    """Bars for each run, with their values: time, utilisation, bytes of DRAM, estimated energy."""
    size = (WIDTH_INCHES, MARGIN_INCHES + BAR_INCHES * len(runs))
    figure = Figure(figsize=size, layout="constrained")
    time, use, dram, energy = figure.subplots(1, 4, sharey=True)
    colours = list(COLOURS.values())
    _bars(time, "time", MILLISECONDS, [[run.milliseconds for run in runs]], [PLAIN])
    shares = [100 * run.figures["utilization"] for run in runs]
    _bars(use, "utilisation", PERCENT, [shares], [PLAIN])
    keys = ("dram_read_bytes", "dram_write_bytes")
    moved = [[run.figures[key] for run in runs] for key in keys]
    _bars(dram, "DRAM", BYTES, moved, colours[:2])
    parts = [[run.energy[part] for run in runs] for part in PARTS]
    _bars(energy, "energy (estimate)", MICROJOULES, parts, colours[2:])
    time.set_yticks(range(len(runs)), labels(runs), fontsize="small")
    time.invert_yaxis()
    figure.suptitle(_title(runs), fontsize="medium")
    handles = [Patch(color=c, label=name) for name, c in COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize="small")
    return figure


def labels(runs: Sequence[ComparisonRow]) -> list[str]:
    """Short names of runs, without the words that all share; no dollar sign begins a formula."""
    words = [_words(run) for run in runs]
    shared = set(words[0]).intersection(*words) if len(runs) > 1 else set()
    found = []
    for own in words:
        rest = [shortened(word.removeprefix("memory."), WORD) for word in own if word not in shared]
        found.append("\n".join(_halves(rest)).replace("$", r"\$"))
    return found


def _words(run: ComparisonRow) -> list[str]:
    """Network, machine, settings and options."""
    return [run.labels.network, *run.labels.machine.split(), *run.labels.options.split()]


def _halves(words: Sequence[str]) -> list[str]:
    """One or two lines: the first word, and the others."""
    return [part for part in (" ".join(words[:1]), ", ".join(words[1:])) if part]


def _title(runs: Sequence[ComparisonRow]) -> str:
    """The words that all runs share, and the clocks."""
    words = [_words(run) for run in runs]
    shared = [w for w in words[0] if len(runs) > 1 and all(w in own for own in words)]
    clocks = sorted({run.clock.mhz for run in runs})
    times = f"at {', '.join(f'{mhz:g}' for mhz in clocks)} MHz"
    return ", ".join((*shared, times)).replace("$", r"\$")


def _bars(
    axes: Axes,
    title: str,
    units: Units,
    parts: Sequence[Sequence[float]],
    colours: Sequence[str],
) -> None:
    """A horizontal bar for each run, made of ``parts`` from left to right, with their sum."""
    sums = [sum(values) for values in zip(*parts, strict=True)]
    name, size = unit_of(sums, units)
    starts = [0.0] * len(sums)
    for values, colour in zip(parts, colours, strict=True):
        widths = [value / size for value in values]
        bars = axes.barh(range(len(values)), widths, left=starts, color=colour)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    axes.bar_label(bars, [digits(value) for value in starts], padding=3, fontsize="small")
    axes.set_xlim(0, ROOM * max(starts) or 1.0)
    axes.set_ylim(-0.6, len(sums) - 0.4)
    axes.set_title(f"{title}, {name}", fontsize="medium")
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
