"""The report of a mapping: what each layer costs and why, as one HTML page and on a terminal."""

from compiler.report.page import print_report, render
from compiler.report.rows import LayerRow, layer_rows

__all__ = ["LayerRow", "layer_rows", "print_report", "render"]
