"""Command line: ``python -m sim run DIR``, and the host's side of a run.

Inputs from files, operators that the hardware does not run, and files out are those of
``python -m golden run``, whose code does the work.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from compiler.errors import CompilerError, InputError
from sim.files import add_data_options, read_inputs, write_files, write_timeline
from sim.host_golden import host_compute
from sim.program import Program
from sim.program_reader import ProgramError, read_program
from sim.report import print_summary, reporting, summary
from sim.simulation import Result, simulate


def main(argv: Sequence[str] | None = None, prog: str = "python -m sim") -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 the program stopped with a fault."""
    arguments = _parser(prog).parse_args(argv)
    try:
        command: Callable[[argparse.Namespace], int] = arguments.command
        return command(arguments)
    except (CompilerError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description="Simulate a mapped network, cycle by cycle."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="run a mapped network")
    add_data_options(command)
    command.add_argument(
        "--no-values", action="store_true", help="cycles and counters only; compute no values"
    )
    command.set_defaults(command=_run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    unused = [o for o in ("input", "output", "tensors") if getattr(arguments, o)]
    if arguments.no_values and unused:
        raise InputError(f"--{unused[0]} needs values; it is accepted without --no-values")
    program = read_program(arguments.folder)
    result = _simulate(program, arguments)
    if result.fault is not None:
        print(f"error: {arguments.folder}: {result.fault}", file=sys.stderr)
        return 1
    assert result.timing is not None
    write_timeline(arguments.timeline, program, result.timing)
    report = summary(program, result.timing)
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
    else:
        print_summary(report)
    return 0


def _simulate(program: Program, arguments: argparse.Namespace) -> Result:
    """Simulate and write the files asked for."""
    if arguments.no_values:
        return simulate(program, values=False)
    inputs = read_inputs(program, arguments.input)
    with reporting(f"simulating {program.network}") as progress:
        result = simulate(program, inputs, progress=progress, compute=host_compute(program))
    if result.fault is None:
        write_files(program, result.tensors, arguments.output, arguments.tensors)
    return result
