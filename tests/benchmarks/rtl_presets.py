"""``python -m tests.benchmarks.rtl_presets``: ``rtl`` for one preset after another, as a table.

With ``--base`` the presets of another checkout too, in turn. Verilog and simulation are made anew.
All seconds are processor time, with that of child processes, so that a busy machine does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
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

CLOCK = """\
import resource
import time

def processor_time():
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)

time.perf_counter = processor_time
"""
"""A ``sitecustomize`` module, which Python imports as it starts: a clock of processor time, in
``rtl`` and in the simulation that it starts, of any version."""

Figures = dict[str, str]
"""What is measured of a preset in a checkout, by row, and its ``commit``."""


def main() -> int:
    """Print the table: 0, 1 if a preset failed, or 2 for a checkout without the program."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument(
        "preset", nargs="*", metavar="PRESET", help=f"default: all of {', '.join(PRESETS)}"
    )
    parser.add_argument("--base", type=Path, metavar="PATH", help="a checkout to compare with")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE.json",
        help="keeps what is measured; what it has of the same commit is not measured again",
    )
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
    kept = _read(arguments.results)
    for preset in presets:
        for which, checkout in checkouts.items():
            key, commit = f"{preset}, {which}", _commit(checkout)
            if kept.get(key, {}).get("commit") == commit:
                continue
            kept[key] = {"commit": commit, **measured(preset, checkout, arguments.repeats)}
            print(f"{key}: {kept[key]}", flush=True)
            if arguments.results is not None:
                arguments.results.write_text(json.dumps(kept, indent=1))
    found = {which: [kept[f"{preset}, {which}"] for preset in presets] for which in checkouts}
    print(f"| | {' | '.join(presets)} |\n|---|{'---:|' * len(presets)}")
    for row in ROWS:
        for which, columns in found.items():
            cells = [figures.get(row, "failed") for figures in columns]
            print(f"| {row}{', base' * (which == 'base')} | {' | '.join(cells)} |")
    return int(any("s to build" not in figures for column in found.values() for figures in column))


def _read(results: Path | None) -> dict[str, Figures]:
    """The figures kept, by preset and checkout; those of runs that failed are left out."""
    if results is None or not results.is_file():
        return {}
    kept: dict[str, Figures] = json.loads(results.read_text())
    return {key: figures for key, figures in kept.items() if ROWS.keys() <= figures.keys()}


def _commit(checkout: Path) -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.check_output(command, cwd=checkout, text=True).strip()


def measured(preset: str, checkout: Path, repeats: int) -> Figures:
    """The figures that ``rtl`` of a checkout prints, by row: none if it fails."""
    options = ["--preset", preset, "--repeats", str(repeats), "--fresh"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(CLOCK)
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "tests.benchmarks.rtl", *options],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((folder, str(checkout)))},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if ran.returncode:
        print(f"{preset} of {checkout}: rtl ended with status {ran.returncode}", file=sys.stderr)
        return {}
    found = {row: re.search(pattern, ran.stdout) for row, pattern in ROWS.items()}
    return {row: match[1] for row, match in found.items() if match is not None}


if __name__ == "__main__":
    sys.exit(main())
