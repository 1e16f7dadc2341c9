"""Command line of golden.

``python -m golden run MODEL --input X.npy --output Y.npy [--tensors TDIR]``
``python -m golden latency MODEL [--device cuda|cpu] [--batch N] [--json]``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from compiler.dispatch import dispatch
from compiler.errors import InputError
from compiler.load import add_model_options, load_given
from compiler.notes import add_verbosity
from golden.input_option import add_input_option


def main(argv: Sequence[str] | None = None, prog: str = "python -m golden") -> int:
    """Run one command and return its exit status: 0 done, 2 the input is at fault."""
    return dispatch(parser(prog), argv)


def parser(prog: str) -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog=prog, description="Run a quantised network in plain integer arithmetic."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="run a model and write its outputs")
    command.add_argument("model", metavar="MODEL", type=Path, help=".json, .onnx or .tflite model")
    add_input_option(command)
    command.add_argument(
        "--output",
        metavar="Y.npy",
        type=Path,
        required=True,
        help="file for the output; a second output goes to Y.1.npy, and so on",
    )
    command.add_argument(
        "--tensors", metavar="TDIR", type=Path, help="folder for every activation tensor"
    )
    add_model_options(command)
    command.set_defaults(command=_run)
    add_latency_options(commands.add_parser("latency", help="time a model in PyTorch"))
    add_verbosity(commands.choices.values())
    return parser


def add_latency_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``golden latency``."""
    command.add_argument("model", metavar="MODEL", type=Path, help=".json, .onnx or .tflite model")
    command.add_argument(
        "--device", metavar="cuda|cpu", help="default: a CUDA device where there is one"
    )
    for option, metavar, default, text in (
        ("--batch", "N", "1", "inputs at a time"),
        ("--precision", "A,B", None, "some of the device's precisions (default: all)"),
        ("--mode", "A,B", None, "some of eager, compiled, graph, compiled-graph (default: all)"),
        ("--preset", "NAME", "edge256", "the accelerator to compare with"),
        ("--peak", "TOPS", None, "the device's peak in 10^12 operations per second"),
        ("--seconds", "S", "2", "for each measurement, about"),
    ):
        shown = text if default is None else f"{text} (default: {default})"
        command.add_argument(option, metavar=metavar, default=default, help=shown)
    command.add_argument(
        "--clock",
        metavar="MHZ",
        action="append",
        help="clock of the accelerator, may be given again (default: 200 and 1000)",
    )
    command.add_argument(
        "--processor-time",
        action="store_true",
        help="on a CPU with other work: time one thread's processor time, not the clock",
    )
    command.add_argument(
        "--cold",
        action="store_true",
        help="empty the device's caches before each call, out of its time",
    )
    command.add_argument("--json", action="store_true", help="one JSON object, and nothing else")
    add_model_options(command)
    command.set_defaults(command=_latency)


def _latency(arguments: argparse.Namespace) -> None:
    from golden.bench import command

    command.run(arguments)


def _run(arguments: argparse.Namespace) -> None:
    from golden.arrays import given_inputs, result_files, write_arrays
    from golden.network import run

    graph = load_given(arguments).to_dict()
    inputs = given_inputs(graph, arguments.input)
    try:
        values = run(graph, inputs)
    except ValueError as error:
        raise InputError(f"{arguments.model}: {error}") from error
    folder = arguments.tensors
    write_arrays(result_files(graph, values, arguments.output, folder), folder)
