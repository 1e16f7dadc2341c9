"""``compiler compare``: its options and what it prints."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.config_options import DEFAULT_PRESET
from compiler.errors import InputError
from compiler.quantities import clock
from compiler.workers import add_jobs_option, jobs_of
from hw.spec.config import PRESETS
from hw.tools.synth.device import ECP5, TARGETS

if TYPE_CHECKING:
    from compiler import compare
    from compiler.report.comparison import ComparisonRow, Outcome


def add_compare_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler compare``."""
    command.add_argument(
        "networks",
        metavar="NETWORK",
        nargs="+",
        help="model file, name of a built-in network, or mapped folder",
    )
    command.add_argument(
        "--preset",
        metavar="NAME",
        action="append",
        default=[],
        help=f"any of {', '.join(PRESETS)}, as often as wanted (default: {DEFAULT_PRESET})",
    )
    command.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="configuration as JSON, as often as wanted",
    )
    command.add_argument(
        "--set",
        metavar="KEY=VALUE[,VALUE...]",
        action="append",
        default=[],
        help="change a value of the configurations; several values are compared",
    )
    command.add_argument(
        "--calibrate",
        metavar="PATH",
        type=Path,
        help="inputs for the float model files: a .npy file or a folder of them",
    )
    command.add_argument(
        "--materialize", action="store_true", help="also with every tensor stored, nothing fused"
    )
    command.add_argument(
        "--by-layer", action="store_true", help="the difference of two runs, layer by layer"
    )
    add_jobs_option(command)
    command.add_argument(
        "--clock", metavar="MHZ", help="clock at which times are stated (default: each machine's)"
    )
    command.add_argument(
        "--target",
        choices=TARGETS,
        default=ECP5.name,
        help=f"FPGA whose LUTs are shown (default: {ECP5.name})",
    )
    command.add_argument(
        "--energy",
        metavar="FILE.json",
        type=Path,
        help="energies of an access for the estimate (default: Horowitz, ISSCC 2014)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument("-o", dest="plot", metavar="PLOT", type=Path, help=".svg or .png file")
    command.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> None:
    """Compare what the options name. Raises CompilerError and ConfigurationError."""
    from compiler import compare
    from compiler.report.comparison import ComparisonRow
    from compiler.report.energy import DEFAULT, read_energy_table

    compare.check_plot(arguments.plot)
    if arguments.clock is not None:
        clock(arguments.clock)
    jobs = jobs_of(arguments)
    energies = read_energy_table(arguments.energy or DEFAULT)
    figures = compare.Figures(energies, arguments.clock, arguments.target)
    machines = compare.machines(arguments.preset, arguments.config, arguments.set)
    options = [compare.FUSED, compare.MATERIALIZED][: 1 + arguments.materialize]
    cases = compare.cases(arguments.networks, machines, options, arguments.calibrate)
    if all(case.folder is not None for case in cases):
        _refuse_unused(arguments)
    if arguments.by_layer and len(cases) != 2:
        raise InputError(f"--by-layer: {len(cases)} runs; two are accepted")
    outcomes = compare.compare(cases, figures, jobs)
    runs = [outcome for outcome in outcomes if isinstance(outcome, ComparisonRow)]
    if arguments.plot is not None:
        compare.write_plot(arguments.plot, runs)
    _print(arguments, outcomes, runs, figures)


def _refuse_unused(arguments: argparse.Namespace) -> None:
    for option in ("preset", "config", "set", "calibrate", "materialize"):
        if getattr(arguments, option):
            raise InputError(f"--{option} for mapped folders; it is accepted with a network")


def _print(
    arguments: argparse.Namespace,
    outcomes: Sequence[Outcome],
    runs: Sequence[ComparisonRow],
    figures: compare.Figures,
) -> None:
    from compiler.report.comparison import as_data, print_comparison
    from compiler.report.layer_differences import layer_differences, print_differences

    data = as_data(outcomes, figures.energies)
    pair = runs if arguments.by_layer and len(runs) == 2 else None
    rows = layer_differences(*pair) if pair else None
    if arguments.json:
        data |= {} if rows is None else {"by_layer": rows}
        json.dump(data, sys.stdout, allow_nan=False)
        print()
        return
    print_comparison(outcomes, figures.energies)
    if pair and rows is not None:
        print()
        print_differences(pair[0], pair[1], rows)
