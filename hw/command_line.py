"""Command line: ``python -m hw generate | cosim | config | lint | synth``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from compiler.config_options import OUTPUT, add_config_options, config_of
from compiler.errors import CompilerError, InputError
from compiler.quantities import whole
from golden.pictures import preprocessing
from hw.spec.config import NAME, AccelConfig
from hw.spec.config_keys import ConfigurationError
from hw.tools.config_report import as_data, print_config, write_config
from hw.tools.cosim.compare import RunFailure, check_values, run_segments, timing_of
from hw.tools.cosim.design import Simulator
from hw.tools.cosim.runner import RtlError
from hw.tools.cosim.wave_options import add_wave_options, waves_of
from hw.tools.integration.files import files
from hw.tools.integration.ports import ports
from hw.tools.lint import lint
from hw.tools.synth.device import ECP5, TARGETS
from hw.tools.synth.flow import check_tools, print_report, synthesise
from hw.tools.verilator import SimulationError, ToolError
from hw.tools.verilog_cache import verilog
from sim.files import add_data_options, read_inputs, write_files, write_timeline
from sim.host import Host
from sim.host_golden import host_compute
from sim.program_reader import ProgramError, read_program
from sim.report import print_summary, summary
from sim.values.memories import CommandFault

SEED, SEEDS = 1, 1 << 64
"""The placement's seed without --seed, and how many there are."""


def main(argv: Sequence[str] | None = None, prog: str = "python -m hw") -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 anything else."""
    arguments = _parser(prog).parse_args(argv)
    try:
        command: Callable[[argparse.Namespace], int] = arguments.command
        return command(arguments)
    except (CompilerError, ConfigurationError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (ToolError, SimulationError, RtlError, RunFailure, CommandFault) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser(prog: str) -> argparse.ArgumentParser:
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
    check = commands.add_parser("lint", help="check the Verilog with Verilator's -Wall")
    add_config_options(check)
    check.set_defaults(command=_lint)
    synth = commands.add_parser("synth", help="synthesise for an FPGA, place and route")
    add_config_options(synth)
    synth.add_argument("--target", choices=TARGETS, default=ECP5.name, help="default: ecp5")
    synth.add_argument("--pnr", action="store_true", help="place and route (ecp5 only)")
    synth.add_argument(
        "--seed",
        metavar="N",
        help=f"seed of the placement, with --pnr (default: {SEED})",
    )
    synth.add_argument(
        "-o", dest="folder", metavar="DIR", type=Path, help="default: out/synth_NAME"
    )
    synth.add_argument("--json", action="store_true", help="print one JSON object")
    synth.set_defaults(command=_synth)
    return parser


def _design(arguments: argparse.Namespace) -> AccelConfig:
    """The configuration of a design, in which the memory has no part: says so where it is set."""
    config = config_of(arguments)
    keys = [text.partition("=")[0] for text in arguments.set if text.startswith("memory.")]
    if keys:
        print(
            f"--set {', '.join(keys)}: no effect here: the Verilog is the same for every memory",
            file=sys.stderr,
        )
    return config


def _generate(arguments: argparse.Namespace) -> int:
    """Write the Verilog and what a system needs besides it; unchanged files keep their time."""
    config, prefix = _design(arguments), _prefix(arguments)
    try:
        # First: a folder that cannot be is refused before the seconds that the Verilog takes.
        arguments.folder.mkdir(parents=True, exist_ok=True)
        texts = files(verilog(config, prefix), config, prefix)
        for name, content in texts.items():
            path = arguments.folder / name
            if not path.is_file() or path.read_text() != content:
                path.write_text(content)
    except OSError as error:
        raise InputError(f"{error.filename or arguments.folder}: {error.strerror}") from error
    return 0


def _config(arguments: argparse.Namespace) -> int:
    """Explain the configuration, and write it."""
    config = config_of(arguments)
    if arguments.file is not None:
        write_config(arguments.file, config)
    if arguments.json:
        print(json.dumps(as_data(config)))
    else:
        print_config(config)
    return 0


def _prefix(arguments: argparse.Namespace) -> str:
    """Prefix of names from --name, empty without it. Raises InputError."""
    name = arguments.name
    if name is None:
        return ""
    if not NAME.fullmatch(name):
        raise InputError(
            f"--name {name!r}: an identifier of letters, digits and _, no digit first, 64 at most, "
            "is accepted"
        )
    return f"{name}_"


def _lint(arguments: argparse.Namespace) -> int:
    """Print what the lint says; 1 if that is anything."""
    from hw.generate import TOP

    found = lint(verilog(_design(arguments)), TOP)
    print("\n".join(found) or "no warnings")
    return 1 if found else 0


def _synth(arguments: argparse.Namespace) -> int:
    """Synthesise one configuration and report its resources and, after routing, its clock."""
    config, target = _design(arguments), TARGETS[arguments.target]
    if arguments.pnr and target is not ECP5:
        raise InputError(f"--pnr with --target {target.name}: accepted with --target {ECP5.name}")
    seed = _seed(arguments)
    check_tools(arguments.pnr)
    folder = arguments.folder or OUTPUT / f"synth_{config.name}"
    text = verilog(config)
    try:
        report = synthesise(config, target, text, ports(text), folder, seed=seed)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: {error.strerror}") from error
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
    else:
        print_report(report, target)
    return 0


def _seed(arguments: argparse.Namespace) -> int | None:
    """The seed of the placement, None without one. Raises InputError."""
    if arguments.seed is not None and not arguments.pnr:
        raise InputError("--seed without --pnr: it is the seed of the placement")
    if not arguments.pnr:
        return None
    return SEED if arguments.seed is None else whole(arguments.seed, "--seed", 0, SEEDS - 1)


def _cosim(arguments: argparse.Namespace) -> int:
    """Run on the RTL, compare with golden and the simulator, report as that does."""
    program = read_program(arguments.folder)
    waves = waves_of(arguments, program)
    inputs = read_inputs(program, arguments.input, preprocessing(arguments))
    host = Host(program, inputs, host_compute(program))
    memory, results = run_segments(program, host, arguments.simulator, waves)
    values = host.tensors(memory)
    write_files(program, values, arguments.output, arguments.tensors)
    made = {name: value for name, value in values.items() if name not in program.graph["inputs"]}
    check_values(arguments.folder, inputs, made)
    timing = timing_of(program, results)
    write_timeline(arguments.timeline, program, timing, arguments.host_cost)
    report = summary(program, timing)
    report["cycles_per_second"] = report["cycles"] / sum(r.wall_time for r in results)
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
        return 0
    print_summary(report)
    print(
        f"{len(made)} tensors equal golden's, the cycles the simulator's; "
        f"{report['cycles_per_second']:,.0f} cycles per second"
    )
    return 0
