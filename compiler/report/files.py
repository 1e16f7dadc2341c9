"""The report's files."""

from __future__ import annotations

from pathlib import Path

from compiler.report.page import render
from compiler.report.report import Report


def write_report(report: Report, folder: Path, plots: bool) -> None:
    """Write ``report.html`` into a folder and, with ``plots``, its figures as SVG and PNG files."""
    from compiler.report.figures import figures
    from compiler.report.plots import rendered

    drawn = figures(report)
    vectors = {name: rendered(figure, "svg") for name, figure in drawn.items()}
    (folder / "report.html").write_text(render(report, vectors), encoding="utf-8")
    if plots:
        for name, figure in drawn.items():
            (folder / f"{name}.svg").write_bytes(vectors[name])
            (folder / f"{name}.png").write_bytes(rendered(figure, "png"))
