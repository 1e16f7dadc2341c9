"""``compiler explore``: its options, and the call that they stand for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from compiler.quantities import whole

MOST_WORKERS = 256
"""Processes at most."""


def add_explore_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler explore``."""
    command.add_argument("space", metavar="SPACE.toml", type=Path, help="machines and networks")
    command.add_argument(
        "-o", dest="folder", metavar="DIR", type=Path, required=True, help="folder of the results"
    )
    command.add_argument(
        "--scheduler", metavar="ADDRESS", help="a Dask scheduler, tcp://host:8786 say"
    )
    command.add_argument(
        "--workers", metavar="N", help="processes on this machine (default: as many as cores)"
    )
    command.add_argument(
        "--resume", action="store_true", help="continue what DIR holds, whatever ended it"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> None:
    """Explore what the options name. Raises CompilerError."""
    from compiler.errors import InputError

    if arguments.scheduler is not None and arguments.workers is not None:
        raise InputError("--workers with --scheduler, whose workers run already; one is accepted")
    count = None
    if arguments.workers is not None:
        count = whole(arguments.workers, "--workers", 1, MOST_WORKERS)
    # First: packages of the extra, so that one that is missing is said before the work.
    from compiler.explore.page import PAGE, write_page
    from compiler.explore.results import front_data, write_results
    from compiler.explore.space_file import read_space
    from compiler.explore.sweep import explore
    from compiler.explore.terminal import print_sweep

    folder: Path = arguments.folder
    space = read_space(arguments.space)
    sweep = explore(space, folder, count, arguments.scheduler, arguments.resume)
    best = write_results(sweep, folder)
    write_page(sweep, best, folder)
    bad = sum(row["reason"] is not None for own in sweep.rows for row in own)
    if arguments.json:
        data = {
            "candidates": len(sweep.candidates),
            "computed": sweep.computed,
            "recorded": sweep.recorded,
            "bad": bad,
            "front": front_data(sweep, best),
        }
        print(json.dumps(data, allow_nan=False))
        return
    print_sweep(sweep, best)
    print(
        f"{sweep.computed:,} points computed, {sweep.recorded:,} found in {folder}; "
        f"{folder / PAGE}, points.csv, front.csv, front/N.json: the machines of the front"
    )
