"""``python -m tests.benchmarks.areas measure TARGET | fit [-o FILE]``: the data of ``hw area``.

``measure`` synthesises the configurations that the target's file does not have yet, one after
another, and adds a row for each; it may be stopped and started again. ``fit`` writes the
coefficients of all targets and prints the errors of the configurations that were held out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from hw.tools.area.estimate import FITTED
from tests.benchmarks.areas.configurations import CONFIGURATIONS, KEYS, is_held_out, key_of
from tests.benchmarks.areas.fit import error, fit
from tests.benchmarks.areas.rows import FITTED_RESOURCES, append, missing, read, synthesised


def main() -> int:
    """Do what the command line says: 0."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    commands = parser.add_subparsers(required=True, dest="command")
    measure = commands.add_parser("measure")
    measure.add_argument("target", choices=FITTED_RESOURCES)
    measure.add_argument("--most", type=int, default=len(CONFIGURATIONS), metavar="N")
    fitting = commands.add_parser("fit")
    fitting.add_argument("-o", dest="file", type=Path, default=FITTED, metavar="FILE.json")
    arguments = parser.parse_args()
    if arguments.command == "measure":
        _measure(arguments.target, arguments.most)
    else:
        _fit(arguments.file)
    return 0


def _measure(target: str, most: int) -> None:
    for config in missing(target, CONFIGURATIONS)[:most]:
        begin = time.monotonic()
        row = synthesised(config, target)
        append(target, row)
        print(key_of(config), row.resources, f"{time.monotonic() - begin:.0f} s", flush=True)


def _fit(path: Path) -> None:
    found = {target: fit(target) for target in FITTED_RESOURCES if _is_enough(target)}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for target, known in found.items():
        print(f"\n| {target}: {', '.join(KEYS)} | {' | '.join(FITTED_RESOURCES[target])} |")
        for row in read(target):
            cells = [
                f"{row.resources[name]:,} ({100 * error(known, row, target, name):+.1f} %)"
                for name in FITTED_RESOURCES[target]
            ]
            mark = " held out" if is_held_out(row.config) else ""
            print(f"| {', '.join(map(str, key_of(row.config)))}{mark} | {' | '.join(cells)} |")


def _is_enough(target: str) -> bool:
    """Whether a target has rows to fit and some that are held out."""
    return len({is_held_out(row.config) for row in read(target)}) == 2


if __name__ == "__main__":
    sys.exit(main())
