"""``hw lint``: what Verilator's -Wall says of the Verilog."""

from __future__ import annotations

import argparse

from hw.commands.design import design_of
from hw.generate import TOP
from hw.tools.lint import lint
from hw.tools.verilog_cache import verilog


def run(arguments: argparse.Namespace) -> int:
    """Print what the lint says; 1 if that is anything. Raises ToolError."""
    found = lint(verilog(design_of(arguments)), TOP)
    print("\n".join(found) or "no warnings")
    return 1 if found else 0
