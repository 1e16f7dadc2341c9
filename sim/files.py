"""Options and files of a run: inputs, outputs, tensors and the timeline."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.errors import InputError
from compiler.notes import note
from compiler.quantities import real
from compiler.whole_files import write_file
from golden.input_option import add_input_option
from golden.pictures import Preprocessing, add_picture_options

if TYPE_CHECKING:
    import numpy as np

    from sim.program import Program
    from sim.simulation import Timing


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the mapped network, --input, --output, --tensors, --timeline and --json."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="what `compiler map` wrote")
    add_input_option(parser, "X.npy|X.jpg")
    add_picture_options(parser)
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
    parser.add_argument(
        "--host-cost",
        metavar="CYCLES",
        help="estimate of the host's cycles for a value, for its slices in the timeline",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def read_inputs(
    program: Program, paths: Sequence[Path], how: Preprocessing
) -> dict[str, np.ndarray]:
    """Stored integers of every network input, by name: from files as far as given, else random.

    Raises InputError for a file that does not fit its input.
    """
    from golden.arrays import given_inputs

    return given_inputs(program.graph, paths, how)


def read_batch(
    program: Program, paths: Sequence[Path], how: Preprocessing
) -> list[dict[str, np.ndarray]]:
    """Inputs of one run, or of one for each file where the network has one input.

    Raises InputError as ``read_inputs`` does.
    """
    if len(program.graph["inputs"]) > 1 or not paths:
        return [read_inputs(program, paths, how)]
    return [read_inputs(program, [path], how) for path in paths]


def write_files(
    program: Program, values: Mapping[str, np.ndarray], output: Path | None, folder: Path | None
) -> None:
    """Write the network's outputs to ``output`` and its siblings, all tensors into ``folder``.

    ``values`` are stored integers, the files in the model's own form. Raises InputError for a file
    that cannot be written.
    """
    from golden.arrays import result_files, write_arrays

    write_arrays(result_files(program.graph, values, output, folder), folder)
    if folder is not None and program.not_stored:
        names = ", ".join(program.not_stored)
        note(f"left out of {folder}, as not in memory: {names}")


def write_timeline(
    path: Path | None, program: Program, timing: Timing, host_cost: str | None = None
) -> None:
    """Write the timeline of a run to ``path``, if any, whole or not at all.

    ``host_cost`` is the host's cycles for a value, as text. Raises InputError and ConfigError.
    """
    cost = None if host_cost is None else real(host_cost, "--host-cost", 0, 1e9, "cycles a value")
    if path is None:
        if cost is not None:
            raise InputError("--host-cost without --timeline; it is accepted with it")
        return
    from sim.timeline import timeline

    write_file(path, json.dumps(timeline(program, timing, cost), allow_nan=False) + "\n")
