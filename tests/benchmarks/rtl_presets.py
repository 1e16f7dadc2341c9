"""``python -m tests.benchmarks.rtl_presets``: ``rtl`` for one preset after another, as a table.

With ``--base`` the presets of another checkout too, in turn. Verilog and simulation are made anew.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from hw.spec.config import PRESETS
from tests.benchmarks.measure import print_command

HERE = Path(__file__).resolve().parents[2]
ROWS = {
    "cycles/s": r"([\d,]+) cycles/s at most",
    "median": r"([\d,]+) in the median",
    "s to write the Verilog": r"([\d.]+) s to write the Verilog",
    "s to build": r"([\d.]+) s to build the simulation",
}
"""Rows of the table, and where ``rtl`` prints their figures."""


def main() -> int:
    """Print the table: 0, or 2 for a checkout without the program."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument(
        "preset", nargs="*", metavar="PRESET", help=f"default: all of {', '.join(PRESETS)}"
    )
    parser.add_argument("--base", type=Path, metavar="PATH", help="a checkout to compare with")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="default: 3")
    arguments = parser.parse_args()
    for name in arguments.preset:
        if name not in PRESETS:
            parser.error(f"preset {name}: {', '.join(PRESETS)} are accepted")
    base = arguments.base
    if base is not None and not (base / "tests" / "benchmarks" / "rtl.py").is_file():
        parser.error(f"--base {base}: a checkout with tests/benchmarks/rtl.py is needed")
    print_command()
    checkouts = {"now": HERE} | ({"base": base.resolve()} if base else {})
    presets = arguments.preset or list(PRESETS)
    figures = {
        (preset, which): measured(preset, checkout, arguments.repeats)
        for preset in presets
        for which, checkout in checkouts.items()
    }
    print(f"| | {' | '.join(presets)} |\n|---|{'---:|' * len(presets)}")
    for row in ROWS:
        for which in checkouts:
            cells = [figures[preset, which][row] for preset in presets]
            print(f"| {row}{', base' * (which == 'base')} | {' | '.join(cells)} |")
    return 0


def measured(preset: str, checkout: Path, repeats: int) -> dict[str, str]:
    """The figures that ``rtl`` of a checkout prints, by row."""
    options = ["--preset", preset, "--repeats", str(repeats), "--fresh"]
    printed = subprocess.run(
        [sys.executable, "-P", "-m", "tests.benchmarks.rtl", *options],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    found = {row: re.search(pattern, printed) for row, pattern in ROWS.items()}
    return {row: match[1] for row, match in found.items() if match is not None}


if __name__ == "__main__":
    sys.exit(main())
