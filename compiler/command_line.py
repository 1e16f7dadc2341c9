"""Command line: ``python -m compiler map | info | latency | compare | quantize ...``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from compiler import zoo
from compiler.assets import AssetError
from compiler.compare_command import add_compare_options
from compiler.config_options import OUTPUT, add_config_options, config_of
from compiler.diff import diff, print_diff
from compiler.errors import CompilerError, InputError
from compiler.extract import extract
from compiler.frontend import write_model
from compiler.info import as_data as info_data
from compiler.info import model_info, print_info
from compiler.ir.counts import macs, parameters
from compiler.ir.randomize import completed
from compiler.latencies import as_data as latencies_data
from compiler.latencies import latencies, print_latencies
from compiler.load import add_model_options, load_given
from compiler.map_cache import MapCache
from compiler.mapping import Extras, map_graph
from compiler.options import CompilerOptions
from compiler.quantities import whole
from compiler.quantize_command import write_quantised
from compiler.report import View
from compiler.report.clocks import clock_of
from hw.spec.config_keys import ConfigurationError

MOST_LAYERS = 1_000_000
"""Layers that --top takes at most."""
LONGEST_NAME = 200
"""Bytes of a folder's name that is taken from a model."""


def main(
    argv: Sequence[str] | None = None,
    prog: str = "python -m compiler",
    groups: Mapping[str, str] | None = None,
) -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 a file could not be fetched.

    ``groups`` are further commands of ``prog``, which its caller runs, with their help.
    """
    arguments = _parser(prog, groups or {}).parse_args(argv)
    try:
        arguments.command(arguments)
    except (CompilerError, ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except AssetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser(prog: str, groups: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Map networks onto the accelerator.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("map", help="map a model, simulate its cycles and report")
    command.add_argument(
        "model", metavar="MODEL|NAME", type=Path, help="model file, or name of a built-in network"
    )
    command.add_argument("-o", dest="folder", metavar="DIR", type=Path, help="default: out/NAME")
    add_model_options(command)
    add_config_options(command)
    command.add_argument(
        "--materialize", action="store_true", help="store every tensor; fuse nothing"
    )
    command.add_argument(
        "--unfused", action="store_true", help="also time it with every tensor stored, to compare"
    )
    command.add_argument(
        "--plots", action="store_true", help="write the report's figures as .svg and .png files too"
    )
    command.add_argument(
        "--explain", action="store_true", help="say what was weighed for each layer, and why"
    )
    _add_view(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument(
        "--no-cache", action="store_true", help="map an unchanged model again, and keep nothing"
    )
    command.set_defaults(command=_map)
    command = commands.add_parser("info", help="what would run where, and why, by layer")
    command.add_argument(
        "model", metavar="MODEL|NAME", type=Path, help="model file, or name of a built-in network"
    )
    add_model_options(command)
    add_config_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=_info)
    command = commands.add_parser("latency", help="cycles of networks, without mapping them")
    command.add_argument(
        "networks",
        metavar="MODEL|NAME",
        nargs="+",
        help="model file, which needs no weights, or name of a built-in network",
    )
    add_config_options(command)
    command.add_argument("--clock", metavar="MHZ", help="clock at which times are stated")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=_latency)
    add_compare_options(commands.add_parser("compare", help="networks and machines side by side"))
    command = commands.add_parser("zoo", help="list the built-in networks, or write one")
    command.add_argument("name", metavar="NAME", nargs="?")
    command.add_argument("-o", dest="file", metavar="MODEL.json", type=Path)
    command.set_defaults(command=_zoo)
    command = commands.add_parser("import", help="convert a model to this project's format")
    command.add_argument("model", metavar="MODEL", type=Path, help=".onnx or .tflite model")
    command.add_argument("-o", dest="file", metavar="MODEL.json", type=Path, required=True)
    add_model_options(command)
    command.set_defaults(command=_import)
    _add_quantize(commands.add_parser("quantize", help="write a float ONNX model as int8"))
    _add_diff(commands.add_parser("diff", help="which layer loses the signal"))
    _add_extract(commands.add_parser("extract", help="one layer as a model of its own"))
    for name, text in groups.items():
        commands.add_parser(name, help=text)
    return parser


def _add_view(command: argparse.ArgumentParser) -> None:
    """Add what is shown of a mapping: --clock, --layers, --top, --sort and --csv."""
    command.add_argument(
        "--clock", metavar="MHZ", help="clock at which times are stated (default: the machine's)"
    )
    shown = command.add_mutually_exclusive_group()
    shown.add_argument("--layers", action="store_true", help="print the tables of all layers")
    shown.add_argument("--top", metavar="N", help="print the N costliest layers")
    command.add_argument(
        "--sort", metavar="KEY", help="sort the layers by a key that they have in --csv"
    )
    command.add_argument("--csv", metavar="FILE", type=Path, help="write the layers as CSV")


def _add_quantize(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL.onnx", type=Path, help="float model")
    command.add_argument("-o", dest="file", metavar="INT8.onnx", type=Path, required=True)
    add_model_options(command)
    command.set_defaults(command=_quantize)


def _quantize(arguments: argparse.Namespace) -> None:
    if arguments.calibrate is None:
        raise InputError("quantize needs --calibrate: a .npy file or a folder of them")
    write_quantised(arguments.model, arguments.calibrate, dict(arguments.shape), arguments.file)


def _add_diff(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="DIR", type=Path, help="mapped folder, or of --tensors")
    command.add_argument(
        "--reference",
        metavar="DIR|MODEL",
        type=Path,
        required=True,
        help="another such folder, or a model, float ones above all",
    )
    command.add_argument(
        "--input",
        metavar="X.npy",
        type=Path,
        action="append",
        default=[],
        help="a model input, in the model's order; a seeded random one where not given",
    )
    command.add_argument(
        "--calibrate", metavar="PATH", type=Path, help="inputs that `map` calibrated DIR with"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=_diff)


def _diff(arguments: argparse.Namespace) -> None:
    rows = diff(arguments.folder, arguments.reference, arguments.input, arguments.calibrate)
    if arguments.json:
        print(json.dumps({"tensors": rows}, allow_nan=False))
    else:
        print_diff(rows)


def _add_extract(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", metavar="DIR", type=Path, help="mapped folder")
    command.add_argument("--layer", metavar="L", required=True, help="a layer that `map` lists")
    command.add_argument("-o", dest="out", metavar="OUT", type=Path, required=True)
    command.add_argument(
        "--input",
        metavar="X.npy",
        type=Path,
        action="append",
        default=[],
        help="an input of the whole model, in its order; a seeded random one where not given",
    )
    command.set_defaults(command=_extract)


def _extract(arguments: argparse.Namespace) -> None:
    part = extract(arguments.folder, arguments.layer, arguments.input, arguments.out)
    print(
        f"{arguments.out}: {' + '.join(node.op for node in part.nodes)} with its input and output"
    )


def _info(arguments: argparse.Namespace) -> None:
    config = config_of(arguments)
    found = model_info(load_given(arguments), config, str(arguments.model))
    if arguments.json:
        print(json.dumps(info_data(found, config), allow_nan=False))
    else:
        print_info(found, config)


def _latency(arguments: argparse.Namespace) -> None:
    config = config_of(arguments)
    clock = clock_of(config, arguments.clock)
    rows = list(latencies(arguments.networks, config))
    if arguments.json:
        print(json.dumps(latencies_data(rows, config, clock), allow_nan=False))
    else:
        print_latencies(rows, config, clock)


def _map(arguments: argparse.Namespace) -> None:
    config = config_of(arguments)
    graph = completed(load_given(arguments))
    folder = arguments.folder or OUTPUT / _folder_name(graph.name)
    options = CompilerOptions(arguments.materialize)
    extras = Extras(arguments.unfused, arguments.plots, arguments.explain)
    top = None if arguments.top is None else whole(arguments.top, "--top", 1, MOST_LAYERS)
    view = View(clock_of(config, arguments.clock), arguments.layers, top, arguments.sort)
    cache = None if arguments.no_cache else MapCache()
    report = map_graph(
        graph,
        config,
        options,
        folder,
        quiet=arguments.json,
        extras=extras,
        cache=cache,
        source=arguments.model if arguments.model.suffix else None,
        view=view,
        table=arguments.csv,
    )
    if arguments.json:
        print(json.dumps(report, allow_nan=False))


def _folder_name(name: str) -> str:
    """The name of a model as that of one folder: what is no letter, digit, ``_``, ``.``, ``-`` or
    space becomes ``_``, and a long one is cut."""
    safe = re.sub(r"[^\w. -]", "_", name).encode()[:LONGEST_NAME].decode(errors="ignore")
    return safe if safe.strip(". ") else "_"


def _zoo(arguments: argparse.Namespace) -> None:
    if arguments.name is None:
        if arguments.file is not None:
            raise InputError("-o needs the NAME of a network; `zoo` without both lists them")
        for name in zoo.names():
            graph = zoo.build(name)
            shape = "x".join(map(str, graph.tensors["input"].shape[1:]))
            figures = sum(macs(graph).values()), parameters(graph)
            print("{:28} {:>10} {:>15,} MACs {:>12,} parameters".format(name, shape, *figures))
        return
    graph = zoo.build(arguments.name)
    write_model(graph, arguments.file or Path(f"{arguments.name}.json"))


def _import(arguments: argparse.Namespace) -> None:
    write_model(load_given(arguments), arguments.file)
