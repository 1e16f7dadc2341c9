"""The network as a graph: a box for each layer, a ground for each block, lines for the maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from compiler.report.blocks import Edge
from compiler.report.layout import Layout, Point, layout
from compiler.report.report import Report

WIDTH, ROW, MARGIN = 4.4, 0.32, 0.08
"""Inches: of a figure, of a row of layers, above and below."""
ROWS = 22
"""Rows of a figure at most; longer networks take several."""
CHARACTERS = 84
"""Characters of text that fit across a figure."""
BOX_HEIGHT, BOX_WIDTH, BLOCK_PAD = 0.6, 0.92, 0.1
"""Of a row, of a lane; the block's edge around them."""
BEND = 0.36
"""Of the figure: how far a line is drawn out that boxes would hide."""
BLOCK, BLOCK_EDGE, STORED, KEPT = "#e8edf4", "#b9c6d8", "#b0413e", "#4a6fa5"
USE = LinearSegmentedColormap.from_list("use", ["#ffffff", "#5fb394"])


def graph_figures(report: Report) -> Iterator[Figure]:
    """The graph from top to bottom, ROWS rows of layers in each figure."""
    plan = layout([block.layers for block in report.blocks], report.edges)
    links = _links(report.edges)
    for rows in plan.pages(ROWS):
        height = ROW * len(rows) + 2 * MARGIN
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes((0, MARGIN / height, 1, 1 - 2 * MARGIN / height))
        axes.set_axis_off()
        axes.set_xlim(0, 1)
        axes.set_ylim(rows.stop, rows.start)
        _grounds(axes, report, plan, rows)
        for (_, makers), readers in links.items():
            _link(axes, plan, rows, makers, readers)
        for number, row in enumerate(report.rows):
            if plan.rows[number] in rows:
                _box(axes, plan, number, report.names[number], row.useful)
        yield figure


def _links(edges: Sequence[Edge]) -> dict[tuple[str, tuple[int, ...]], dict[int, bool]]:
    """The readers of each map and the makers that they read of it: whether it is streamed."""
    makers: dict[tuple[str, int], list[int]] = {}
    streamed: dict[tuple[str, int], bool] = {}
    for edge in edges:
        makers.setdefault((edge.map, edge.reader), []).append(edge.maker)
        streamed[edge.map, edge.reader] = edge.streamed
    links: dict[tuple[str, tuple[int, ...]], dict[int, bool]] = {}
    for (name, reader), own in makers.items():
        links.setdefault((name, tuple(dict.fromkeys(own))), {})[reader] = streamed[name, reader]
    return links


def _link(
    axes: Axes, plan: Layout, rows: range, makers: Sequence[int], readers: dict[int, bool]
) -> None:
    """Lines from the makers of a map to its readers; several makers meet below the lowest."""
    stored = any(readers.values())
    x, y = plan.at(makers[0])
    y += BOX_HEIGHT / 2
    if len(makers) > 1:
        places = [plan.at(maker) for maker in makers]
        join = sum(x for x, _ in places) / len(places), max(y for _, y in places) + 0.5
        for x, y in places:
            corner = x, join[1] - 0.5 + BOX_HEIGHT / 2
            _line(axes, rows, [(x, y + BOX_HEIGHT / 2), corner, join], stored)
        x, y = join
    for reader, streamed in readers.items():
        end = plan.at(reader)[0], plan.at(reader)[1] - BOX_HEIGHT / 2
        side = BEND if x <= 0.5 else -BEND
        bend = side if _hidden(plan, (x, y), end) else 0.0
        points = [(x, y), (x + bend, y), (end[0] + bend, end[1]), end]
        _line(axes, rows, points, streamed)


def _line(axes: Axes, rows: range, points: Sequence[Point], streamed: bool) -> None:
    """A line through three points, a curve by four; dashed for a map in memory."""
    if points[-1][1] < rows.start or points[0][1] > rows.stop:
        return
    kind = Path.CURVE4 if len(points) == 4 else Path.LINETO
    axes.add_patch(
        PathPatch(
            Path(points, [Path.MOVETO, *[kind] * (len(points) - 1)]),
            zorder=2,
            facecolor="none",
            linewidth=0.9,
            edgecolor=STORED if streamed else KEPT,
            linestyle="--" if streamed else "-",
        )
    )


def _hidden(plan: Layout, start: Point, end: Point) -> bool:
    """Whether a straight line would cross a box."""
    (x0, y0), (x1, y1) = start, end
    for layer in range(len(plan.rows)):
        x, y = plan.at(layer)
        if y0 < y < y1 and abs(x0 + (x1 - x0) * (y - y0) / (y1 - y0) - x) < _width(plan, layer) / 2:
            return True
    return False


def _width(plan: Layout, layer: int) -> float:
    """Of the layer's box; one by itself takes half of the figure."""
    return BOX_WIDTH / max(plan.lane_counts[layer], 2)


def _box(axes: Axes, plan: Layout, number: int, name: str, useful: float) -> None:
    (x, y), width = plan.at(number), _width(plan, number)
    axes.add_patch(
        Rectangle(
            (x - width / 2, y - BOX_HEIGHT / 2),
            width,
            BOX_HEIGHT,
            facecolor=USE(useful),
            edgecolor="black",
            linewidth=0.5,
            zorder=3,
        )
    )
    room = int(CHARACTERS * width) - 5
    label = name if len(name) <= room else "…" + name[len(name) - room + 1 :]
    axes.text(
        x,
        y,
        f"{label} {useful:.0%}",
        ha="center",
        va="center",
        fontsize=6,
        zorder=4,
        parse_math=False,
    )


def _grounds(axes: Axes, report: Report, plan: Layout, rows: range) -> None:
    """A background for the layers of each block of several."""
    for block in report.blocks:
        own = [plan.rows[layer] for layer in block.layers]
        if len(own) > 1 and min(own) < rows.stop and max(own) >= rows.start:
            top, end = min(own) + BLOCK_PAD / 2, max(own) + 1 - BLOCK_PAD / 2
            axes.add_patch(
                Rectangle(
                    (0.005, top),
                    0.99,
                    end - top,
                    facecolor=BLOCK,
                    edgecolor=BLOCK_EDGE,
                    linewidth=0.6,
                    zorder=1,
                )
            )
