"""The report's files."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from compiler.extras import missing_package
from compiler.notes import note
from compiler.report.captions import CAPTIONS
from compiler.report.page import render
from compiler.report.report import Report

REPORT = "report.html"
_FIGURE = re.compile(rf"({'|'.join(CAPTIONS)})(_[0-9]+)?\.(svg|png)")


def write_report(report: Report, folder: Path, plots: bool) -> None:
    """Write the page into a folder and, with ``plots``, its figures as SVG and PNG files.

    Without the packages of the extra ``report`` a line on standard error says so instead, or with
    ``plots`` ModuleNotFoundError is raised.
    """
    try:
        importlib.import_module("jinja2")  # Asked for before the figures are drawn.
        from compiler.report.figures import figures
        from compiler.report.plots import rendered
    except ModuleNotFoundError as error:
        line = missing_package(error)
        if plots or line is None:
            raise
        note(f"no {REPORT}: {line}")
        return
    drawn = figures(report)
    vectors = {name: rendered(figure, "svg") for name, figure in drawn.items()}
    (folder / REPORT).write_text(render(report, vectors), encoding="utf-8")
    if plots:
        for name, figure in drawn.items():
            (folder / f"{name}.svg").write_bytes(vectors[name])
            (folder / f"{name}.png").write_bytes(rendered(figure, "png"))


def remove_figures(folder: Path) -> None:
    """Remove the figures of the report in ``folder``; without one, they are somebody else's."""
    if (folder / REPORT).is_file():
        for path in list(folder.iterdir()):
            if _FIGURE.fullmatch(path.name) and path.is_file():
                path.unlink()
