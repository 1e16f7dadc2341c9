"""The report of a mapping: what each layer costs and why, as one HTML page and on a terminal."""

from compiler.report.files import REPORT, remove_figures, write_report
from compiler.report.records import as_data, order, write_csv
from compiler.report.report import Report, report_of
from compiler.report.terminal import View, print_report

__all__ = [
    "REPORT",
    "Report",
    "View",
    "as_data",
    "order",
    "print_report",
    "remove_figures",
    "report_of",
    "write_csv",
    "write_report",
]
