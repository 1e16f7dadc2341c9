"""The report of a mapping: what each layer costs and why, as one HTML page and on a terminal."""

from compiler.report.files import REPORT, remove_figures, write_report
from compiler.report.report import Report, report_of
from compiler.report.terminal import print_report

__all__ = ["REPORT", "Report", "print_report", "remove_figures", "report_of", "write_report"]
