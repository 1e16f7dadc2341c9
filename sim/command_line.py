"""Command line: ``python -m sim run DIR``, and the host's side of a run.

Inputs from files, operators that the hardware does not run, and files out are those of
``python -m golden run``, whose code does the work.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from compiler.dispatch import dispatch
from compiler.errors import Failure, InputError
from compiler.notes import add_verbosity
from golden.pictures import preprocessing
from sim.answers import add_answer_options, best_classes, print_answers
from sim.files import add_data_options, read_batch, write_files, write_timeline

if TYPE_CHECKING:
    from sim.program import Program
    from sim.simulation import Result


def main(argv: Sequence[str] | None = None, prog: str = "python -m sim") -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 the program stopped with a fault."""
    return dispatch(parser(prog), argv)


def parser(prog: str) -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog=prog, description="Simulate a mapped network, cycle by cycle."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="run a mapped network")
    add_data_options(command)
    command.add_argument(
        "--no-values", action="store_true", help="cycles and counters only; compute no values"
    )
    add_answer_options(command)
    command.set_defaults(command=_run)
    add_verbosity(commands.choices.values())
    return parser


def _run(arguments: argparse.Namespace) -> None:
    from sim.program_reader import read_program
    from sim.report import print_summary, summary

    unused = [o for o in ("input", "output", "tensors", "labels", "top") if _given(arguments, o)]
    if arguments.no_values and unused:
        raise InputError(f"--{unused[0]} needs values; it is accepted without --no-values")
    program = read_program(arguments.folder)
    best = best_classes(program, arguments)
    results = _simulate(program, arguments)
    result = results[0]
    if result.fault is not None:
        raise Failure(f"{arguments.folder}: {result.fault}")
    assert result.timing is not None
    write_timeline(arguments.timeline, program, result.timing, arguments.host_cost)
    report = summary(program, result.timing)
    if best is not None:
        names = [str(path) for path in arguments.input] or ["a random input"]
        report["answers"] = best.answers(names, [result.tensors for result in results])
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
        return
    print_summary(report)
    print_answers(report.get("answers", ()))


def _given(arguments: argparse.Namespace, option: str) -> bool:
    return getattr(arguments, option) not in (None, [])


def _simulate(program: Program, arguments: argparse.Namespace) -> list[Result]:
    """Simulate on all inputs and write the files asked for."""
    from sim.host_golden import host_compute
    from sim.progress import reporting
    from sim.simulation import simulate, simulate_batch

    if arguments.no_values:
        return [simulate(program, values=False)]
    batch = read_batch(program, arguments.input, preprocessing(arguments))
    if len(batch) > 1 and (arguments.output or arguments.tensors):
        option = "--output" if arguments.output else "--tensors"
        raise InputError(f"{option} with {len(batch)} inputs; it is accepted with one")
    with reporting(f"simulating {program.network}") as progress:
        results = simulate_batch(program, batch, progress, host_compute(program))
    if results[0].fault is None and len(batch) == 1:
        write_files(program, results[0].tensors, arguments.output, arguments.tensors)
    return results
