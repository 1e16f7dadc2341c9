"""Command line of golden.

``python -m golden run MODEL --input X.npy --output Y.npy [--tensors TDIR]``
``python -m golden latency MODEL [--device cuda|cpu] [--batch N] [--json]``
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compiler.errors import CompilerError, InputError, show
from compiler.load import (
    add_calibration_option,
    load_model,
)
from golden.declared import from_declared, in_declared_layout, to_declared
from golden.files import output_path, tensor_file_name
from golden.network import run

#: Seed of the inputs that stand in for those not given.
DEFAULT_SEED = 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 2 the input is at fault."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except CompilerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m golden", description="Run a quantised network in plain integer arithmetic."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("run", help="run a model and write its outputs")
    command.add_argument("model", metavar="MODEL", type=Path, help=".json, .onnx or .tflite model")
    command.add_argument(
        "--input",
        metavar="X.npy",
        type=Path,
        action="append",
        default=[],
        help="a model input, in the model's order; a seeded random one where not given",
    )
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
    add_calibration_option(command)
    command.set_defaults(command=_run)
    add_latency_options(commands.add_parser("latency", help="time a model in PyTorch"))
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
        ("--preset", "NAME", "edge256", "the accelerator beside it"),
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
    add_calibration_option(command)
    command.set_defaults(command=_latency)


def _latency(arguments: argparse.Namespace) -> None:
    try:
        from golden.latency import command
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise InputError(
            "latency needs PyTorch, which is not installed: pip install 'convsim[latency]', or in "
            "a checkout pip install -e '.[latency]'"
        ) from None
    command.run(arguments)


def _run(arguments: argparse.Namespace) -> None:
    graph = load_model(arguments.model, arguments.calibrate).to_dict()
    if len(arguments.input) > len(graph["inputs"]):
        raise InputError(
            f"--input is given {len(arguments.input)} times; {arguments.model} has "
            f"{len(graph['inputs'])} inputs"
        )
    inputs = random_inputs(graph, DEFAULT_SEED)
    for name, path in zip(graph["inputs"], arguments.input, strict=False):
        inputs[name] = read_input(path, name, graph["tensors"][name])
    try:
        values = run(graph, inputs)
    except ValueError as error:
        raise InputError(f"{arguments.model}: {error}") from error
    folder = arguments.tensors
    write_arrays(result_files(graph, values, arguments.output, folder), folder)


def random_inputs(graph: Mapping[str, Any], seed: int) -> dict[str, np.ndarray]:
    """A random array for each graph input, over the whole range of its type."""
    generator = np.random.default_rng(seed)
    inputs = {}
    for name in graph["inputs"]:
        tensor = graph["tensors"][name]
        limits = np.iinfo(tensor["dtype"])
        inputs[name] = generator.integers(
            limits.min, limits.max, tensor["shape"], tensor["dtype"], endpoint=True
        )
    return inputs


def read_input(path: Path, name: str, tensor: Mapping[str, Any]) -> np.ndarray:
    """The stored integers of the model input ``name`` from its declared form in ``path``.

    Raises InputError for a file that is no array, another shape, another integer type, or a number
    that is not finite.
    """
    try:
        # Mapped, a header cannot ask for more memory than the file has.
        with warnings.catch_warnings(action="ignore"):
            array = np.lib.format.open_memmap(path, mode="r")
    # What NumPy raises on a faulty header has no base class of its own.
    except Exception as error:
        reason = getattr(error, "strerror", None) or "not a .npy file"
        raise InputError(f"{path}: {reason}") from error
    try:
        return np.array(from_declared(array, tensor))
    except ValueError as error:
        raise InputError(f"{path}: {error} for input {show(name)}") from None


def result_files(
    graph: Mapping[str, Any],
    values: Mapping[str, np.ndarray],
    output: Path | None,
    folder: Path | None,
) -> dict[Path, np.ndarray]:
    """What a run leaves, by file: outputs as declared, and all tensors in the model's layout.

    ``values`` are stored integers. Raises InputError if two of them become the same file.
    """
    tensors = graph["tensors"]
    files: dict[Path, np.ndarray] = {}
    if output is not None:
        for index, name in enumerate(graph["outputs"]):
            files[output_path(output, index)] = to_declared(values[name], tensors[name])
    if folder is not None:
        moved = {n: in_declared_layout(array, tensors[n]) for n, array in values.items()}
        for path, array in tensor_files(folder, moved).items():
            if path in files:
                raise InputError(f"{path}: an output and a tensor have the same file name")
            files[path] = array
    return files


def tensor_files(folder: Path, values: Mapping[str, np.ndarray]) -> dict[Path, np.ndarray]:
    """The arrays by file in ``folder``. Raises InputError if two names become the same file."""
    files: dict[Path, np.ndarray] = {}
    names: dict[Path, str] = {}
    for name, array in values.items():
        path = folder / tensor_file_name(name)
        if path in names:
            raise InputError(
                f"{path}: tensors {show(names[path])} and {show(name)} have the same file name"
            )
        names[path] = name
        files[path] = array
    return files


def write_arrays(files: Mapping[Path, np.ndarray], folder: Path | None) -> None:
    """Write every file, or none: after a failure those already written are removed.

    ``folder`` is made where missing. Raises InputError for a file that cannot be written.
    """
    written: list[Path] = []
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        for path, array in files.items():
            with path.open("wb") as file:
                written.append(path)
                np.save(file, array)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise InputError(f"{error.filename or written[-1]}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
