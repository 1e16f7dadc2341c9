"""The figures of a report, narrow enough for a phone and for a column of a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)

from compiler.report.graph_figure import graph_figures
from compiler.report.memory import KINDS
from compiler.report.report import Report
from sim.lost import USEFUL_DOC
from sim.report import mac_cycle_shares

WIDTH, HEIGHT = 4.4, 2.9
"""Inches of a figure; one with rows of its own takes ROW for each."""
ROW = 0.34
STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
USEFUL, LOST, PLAIN, SECOND = "#2a7f62", "#e0a030", "#4a6fa5", "#b0413e"
AREAS = ("#9c755f", "#f2b35a", "#4a6fa5")
"""Colours of the kinds of words in the scratchpad."""
MEGA = 1e6
SMALL = 0.0005
"""Causes of smaller shares have one bar for all."""


def figures(report: Report) -> dict[str, Figure]:
    """All figures of a report by name, which may be part of a file's."""
    with matplotlib.rc_context(STYLE):
        found = {
            "waterfall": waterfall(report),
            "gap": gap(report),
            "memory": memory(report),
            "roofline": roofline(report),
            "waterline": waterline(report),
        }
        for number, figure in enumerate(graph_figures(report), 1):
            found[f"graph_{number}"] = figure
    return found


def waterfall(report: Report) -> Figure:
    """All MAC-cycles, less what is lost to each cause, down to the network's own."""
    lost = mac_cycle_shares(report.summary)
    useful = lost.pop(USEFUL_DOC)
    bars = [("all MAC-cycles", 0.0, 1.0, PLAIN)]
    top = 1.0
    shares = {name: share for name, share in lost.items() if share >= SMALL}
    shares = dict(sorted(shares.items(), key=lambda pair: -pair[1]))
    shares["all other causes"] = sum(share for share in lost.values() if share < SMALL)
    for name, share in shares.items():
        top -= share
        bars.append((name, top, share, LOST))
    bars.append((USEFUL_DOC, 0.0, useful, USEFUL))
    figure, axes = _rows(bars)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlim(0, 1)
    for row, (text, _, share, _) in enumerate(bars):
        axes.text(0, row - 0.3, f"{text}: {share:.2%}", va="center")
    return figure


def gap(report: Report) -> Figure:
    """Cycles from the ideal to what was simulated, each with its efficiency."""
    found = report.latencies
    colours = [USEFUL, PLAIN, PLAIN, LOST, SECOND]
    bars = [(x.name, 0.0, x.cycles / MEGA, c) for x, c in zip(found, colours, strict=False)]
    figure, axes = _rows(bars)
    axes.set_xlabel("cycles, millions")
    axes.axvline(found[0].cycles / MEGA, color=USEFUL, linewidth=0.8, linestyle=":")
    for row, latency in enumerate(found):
        text = f"{latency.name}: {latency.cycles:,.0f} cycles, efficiency {latency.efficiency:.1%}"
        axes.text(0, row - 0.3, text, va="center")
    return figure


def memory(report: Report) -> Figure:
    """The scratchpad over time, by what is in it."""
    used, config = report.occupancy, report.program.config
    figure, axes = _plain()
    kib = config.word_bytes / 1024
    for words, colour, name in _stacked(used.words, AREAS, KINDS):
        low, high = words
        axes.fill_between(
            used.cycles / MEGA, low * kib, high * kib, step="mid", color=colour, label=name, lw=0
        )
    axes.axhline(used.scratchpad_words * kib, color="black", linewidth=0.8)
    axes.set_ylim(0, 1.05 * used.scratchpad_words * kib)
    axes.set_xlim(0, report.summary["cycles"] / MEGA)
    axes.set_xlabel("cycles, millions")
    axes.set_ylabel("scratchpad, KiB")
    _legend(figure, axes)
    return figure


def roofline(report: Report) -> Figure:
    """Multiply-accumulates per cycle of each layer over those per byte of memory."""
    roof = report.roof
    points = [
        (row.intensity, row.macs / max(row.cycles, 1), row.depthwise)
        for row in report.rows
        if row.macs and row.intensity
    ]
    figure, axes = _plain("log", "log")
    low, high = _around([x for x, _, _ in points] + [roof.ridge / 4, roof.ridge * 4])
    corners = np.array([low, roof.ridge, high])
    axes.plot(corners, np.minimum(roof.peak, corners * roof.bandwidth), color="black", lw=1)
    axes.axvline(roof.ridge, color="black", linewidth=0.6, linestyle=":")
    for marker, colour, name in (("o", PLAIN, "other layers"), ("^", SECOND, "depthwise layers")):
        own = [(x, y) for x, y, depthwise in points if depthwise == (marker == "^")]
        if own:
            axes.scatter(
                [x for x, _ in own],
                [y for _, y in own],
                s=14,
                marker=marker,
                color=colour,
                label=name,
                alpha=0.7,
                linewidths=0,
            )
    axes.set_xlim(low, high)
    bottom, _ = _around([y for _, y, _ in points] + [roof.peak / 4])
    axes.set_ylim(bottom, roof.peak * 1.6)
    axes.text(roof.ridge, bottom * 1.1, f" ridge: {roof.ridge:g}", va="bottom")
    axes.text(high, roof.peak * 1.05, f"peak: {roof.peak}", ha="right", va="bottom")
    axes.set_xlabel("multiply-accumulates per byte of memory")
    axes.set_ylabel("multiply-accumulates per cycle")
    _legend(figure, axes)
    return figure


def waterline(report: Report) -> Figure:
    """Intensity of each layer by itself, and of the blocks as mapped, next to the ridge."""
    ridge = report.roof.ridge
    figure, axes = _plain(y="log")
    alone = [
        (number, macs / moved)
        for block in report.blocks
        for number, macs, moved in zip(block.layers, block.macs, block.alone, strict=True)
        if macs
    ]
    dry = [USEFUL if value >= ridge else LOST for _, value in alone]
    axes.bar([n for n, _ in alone], [v for _, v in alone], width=0.9, color=dry, alpha=0.75)
    joined = [(b.layers, sum(b.macs) / b.moved) for b in report.blocks if sum(b.macs) and b.moved]
    axes.hlines(
        [v for _, v in joined],
        [b.start - 0.35 for b, _ in joined],
        [b.stop - 0.65 for b, _ in joined],
        color="black",
        lw=1.2,
        label="block as mapped",
    )
    bottom, top = _around([ridge / 4, ridge * 4, *(v for _, v in alone + joined)])
    axes.axhspan(bottom, ridge, color=PLAIN, alpha=0.15, lw=0)
    axes.axhline(ridge, color=PLAIN, linewidth=1, label=f"waterline: {ridge:g} per byte")
    axes.set_ylim(bottom, top)
    axes.set_xlim(-0.5, max(len(report.rows), 1) - 0.5)
    axes.set_xlabel("layer, in order")
    axes.set_ylabel("multiply-accumulates per byte")
    _legend(figure, axes)
    return figure


def _around(values: list[float]) -> tuple[float, float]:
    """Ends of a logarithmic axis that has the values inside."""
    return min(values) / 1.5, max(values) * 1.5


def _stacked(rows: np.ndarray, *others: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Each row as the band on top of those before, with an entry of each of the others."""
    tops = np.cumsum(rows, axis=0)
    yield from zip(zip(tops - rows, tops, strict=True), *others, strict=True)


def _rows(bars: list[tuple[str, float, float, str]]) -> tuple[Figure, Axes]:
    """Bars (name, start, length, colour) below one another, with room for text above each."""
    height = ROW * len(bars) + 0.55
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0.03, 0.45 / height, 0.93, 1 - 0.5 / height))
    rows = np.arange(len(bars))
    axes.barh(
        rows + 0.15, [b[2] for b in bars], 0.4, [b[1] for b in bars], color=[b[3] for b in bars]
    )
    axes.set_ylim(len(bars) - 0.5, -0.6)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    return figure, axes


def _plain(x: str = "linear", y: str = "linear") -> tuple[Figure, Axes]:
    """A plot with room for a legend above; numbers are written out on every scale."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0.16, 0.14, 0.81, 0.74))
    axes.set_xscale(x)
    axes.set_yscale(y)
    if y == "log":
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    return figure, axes


def _legend(figure: Figure, axes: Axes) -> None:
    """A line above the plot."""
    handles, names = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            names,
            loc="upper center",
            ncols=3,
            frameon=False,
            fontsize=7,
            handlelength=1.2,
            columnspacing=1,
        )
