"""Command line: ``python -m hw generate | cosim | config | area | lint | synth``.

What a command does is imported when it runs, so that help is printed at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from compiler.config_options import add_config_options
from compiler.dispatch import dispatch
from compiler.notes import add_verbosity
from hw.tools.cosim.simulators import Simulator
from hw.tools.cosim.wave_options import add_wave_options
from hw.tools.synth.device import ASIC, ECP5, SEED, TARGETS
from sim.files import add_data_options


def main(argv: Sequence[str] | None = None, prog: str = "python -m hw") -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 anything else."""
    return dispatch(parser(prog), argv)


def parser(prog: str) -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(prog=prog, description="The accelerator's RTL.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    generate = commands.add_parser("generate", help="write the Verilog and a driver in C")
    add_config_options(generate)
    generate.add_argument("-o", dest="folder", metavar="DIR", type=Path, required=True)
    generate.add_argument(
        "--name",
        metavar="PREFIX",
        help="put PREFIX_ before the names of modules and files: for several machines in a design",
    )
    generate.set_defaults(command=_generate)
    cosim = commands.add_parser("cosim", help="run a mapped network on the RTL")
    add_data_options(cosim)
    cosim.add_argument(
        "--simulator",
        choices=get_args(Simulator),
        default="verilator",
        help="default: verilator; icarus is slow, but has four states",
    )
    add_wave_options(cosim)
    cosim.set_defaults(command=_cosim)
    keys = commands.add_parser("config", help="keys of a configuration, and what follows from them")
    add_config_options(keys)
    keys.add_argument(
        "-o", dest="file", metavar="FILE.json", type=Path, help="write it for --config, to edit"
    )
    keys.add_argument("--json", action="store_true", help="print one JSON object")
    keys.set_defaults(command=_config)
    _add_area(commands.add_parser("area", help="what a configuration costs, without synthesis"))
    check = commands.add_parser("lint", help="check the Verilog with Verilator's -Wall")
    add_config_options(check)
    check.set_defaults(command=_lint)
    _add_synth(commands.add_parser("synth", help="synthesise for an FPGA, place and route"))
    add_verbosity(commands.choices.values())
    return parser


def _add_area(area: argparse.ArgumentParser) -> None:
    add_config_options(area)
    targets = (*TARGETS, ASIC)
    area.add_argument("--target", choices=targets, default=ECP5.name, help="default: ecp5")
    area.add_argument("--json", action="store_true", help="print one JSON object")
    area.set_defaults(command=_area)


def _add_synth(synth: argparse.ArgumentParser) -> None:
    add_config_options(synth)
    synth.add_argument("--target", choices=TARGETS, default=ECP5.name, help="default: ecp5")
    synth.add_argument("--pnr", action="store_true", help="place and route (ecp5 only)")
    synth.add_argument(
        "--seed", metavar="N", help=f"seed of the placement, with --pnr (default: {SEED})"
    )
    synth.add_argument(
        "-o", dest="folder", metavar="DIR", type=Path, help="default: out/synth_NAME"
    )
    synth.add_argument("--json", action="store_true", help="print one JSON object")
    synth.set_defaults(command=_synth)


def _generate(arguments: argparse.Namespace) -> None:
    from hw.commands import generate

    generate.run(arguments)


def _cosim(arguments: argparse.Namespace) -> None:
    from hw.commands import cosim

    cosim.run(arguments)


def _config(arguments: argparse.Namespace) -> None:
    from hw.commands import config

    config.run(arguments)


def _area(arguments: argparse.Namespace) -> None:
    from hw.commands import area

    area.run(arguments)


def _lint(arguments: argparse.Namespace) -> int:
    from hw.commands import lint

    return lint.run(arguments)


def _synth(arguments: argparse.Namespace) -> None:
    from hw.commands import synth

    synth.run(arguments)
