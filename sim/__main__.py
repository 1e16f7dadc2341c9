"""Command line: ``python -m sim run DIR``, and the host's side of a run.

Inputs from files, operators that the hardware does not run, and files out are those of
``python -m golden run``, whose code does the work.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from golden.__main__ import (
    DEFAULT_SEED,
    CompilerError,
    InputError,
    load_model,
    random_inputs,
    read_input,
    result_files,
    write_arrays,
)
from golden.network import run_node
from sim.host import Compute
from sim.program_reader import (
    MODEL,
    Program,
    ProgramError,
    read_program,
)
from sim.report import print_summary, reporting, summary
from sim.simulation import (
    Result,
    Timing,
    simulate,
)
from sim.timeline import timeline


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 the program stopped with a fault."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except (CompilerError, ProgramError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sim", description="Simulate a mapped network, cycle by cycle."
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


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the mapped network, --input, --output, --tensors, --timeline and --json."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="what `compiler map` wrote")
    parser.add_argument(
        "--input",
        metavar="X.npy",
        type=Path,
        action="append",
        default=[],
        help="a model input, in the model's order; a seeded random one where not given",
    )
    parser.add_argument(
        "--output",
        metavar="Y.npy",
        type=Path,
        help="file for the output; a second output goes to Y.1.npy, and so on",
    )
    parser.add_argument(
        "--tensors", metavar="TDIR", type=Path, help="folder for every activation tensor"
    )
    parser.add_argument(
        "--timeline",
        metavar="FILE.json",
        type=Path,
        help="file for the commands' times, to be opened in Perfetto or chrome://tracing",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def read_inputs(program: Program, paths: Sequence[Path]) -> dict[str, np.ndarray]:
    """Stored integers of every network input: from files as far as given, else random.

    Raises InputError for a file that does not fit its input.
    """
    names = program.graph["inputs"]
    if len(paths) > len(names):
        raise InputError(
            f"--input is given {len(paths)} times; the network has {len(names)} inputs"
        )
    inputs = random_inputs(program.graph, DEFAULT_SEED)
    for name, path in zip(names, paths, strict=False):
        inputs[name] = read_input(path, name, program.graph["tensors"][name])
    return inputs


def host_compute(program: Program) -> Compute:
    """Golden's code for the host's nodes, which are those of the model beside the program."""
    graph = load_model(program.folder / MODEL).to_dict() if program.host else {"nodes": []}
    return model_compute(graph)


def model_compute(graph: Mapping[str, Any]) -> Compute:
    """Golden's code for the nodes of a graph in golden's form.

    It raises ProgramError for a node that the graph lacks, and for an input that is not there or
    not as the graph has it.
    """
    nodes = {node["name"]: node for node in graph["nodes"]}

    def compute(name: str, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if name not in nodes:
            raise ProgramError(f"{MODEL}: host node {name!r} of the mapping is not there")
        values = {}
        for source in nodes[name]["inputs"]:
            if source and graph["tensors"][source]["data"] is None:
                values[source] = _input_of(tensors, source, graph["tensors"][source])
        return run_node(graph, nodes[name], values)

    return compute


def _input_of(
    tensors: Mapping[str, np.ndarray], name: str, tensor: Mapping[str, Any]
) -> np.ndarray:
    """The tensor ``name``, which the model describes. Raises ProgramError where it is another."""
    found = tensors.get(name)
    wanted = (tuple(tensor["shape"]), tensor["dtype"])
    if found is None or (found.shape, found.dtype) != wanted:
        what = "not there" if found is None else f"{found.dtype} {list(found.shape)}"
        raise ProgramError(
            f"{MODEL}: the host reads tensor {name!r} as {tensor['dtype']} {list(wanted[0])}; "
            f"in the mapping it is {what}"
        )
    return found


def write_files(
    program: Program, values: Mapping[str, np.ndarray], output: Path | None, folder: Path | None
) -> None:
    """Write the network's outputs to ``output`` and its siblings, all tensors into ``folder``.

    ``values`` are stored integers, the files in the model's own form. Raises InputError for a file
    that cannot be written.
    """
    write_arrays(result_files(program.graph, values, output, folder), folder)
    if folder is not None and program.not_stored:
        names = ", ".join(program.not_stored)
        print(f"left out of {folder}, as not in memory: {names}", file=sys.stderr)


def write_timeline(path: Path | None, program: Program, timing: Timing) -> None:
    """Write the timeline of a run to ``path``, if any. Raises InputError."""
    if path is None:
        return
    try:
        path.write_text(json.dumps(timeline(program, timing)) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
