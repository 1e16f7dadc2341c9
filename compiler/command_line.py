"""Command line: ``python -m compiler map | info | latency | compare | quantize ...``.

Options come from modules that import nothing heavy; what a command does is imported when it runs,
so that help is printed at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from compiler.compare_command import add_compare_options
from compiler.config_options import add_config_options, config_of
from compiler.diff_command import add_diff_options
from compiler.errors import CompilerError, InputError
from compiler.evaluate import add_evaluate_options
from compiler.explore import add_explore_options
from compiler.extract_command import add_extract_options
from compiler.load import add_model_options, load_given
from compiler.map_command import add_map_options
from compiler.quantize_command import add_quantize_options
from compiler.rewrite import add_rewrite_options
from hw.spec.config_keys import ConfigurationError


def main(
    argv: Sequence[str] | None = None,
    prog: str = "python -m compiler",
    groups: Mapping[str, str] | None = None,
) -> int:
    """Run one command: 0 done, 2 the input is at fault.

    ``groups`` are further commands of ``prog``, which its caller runs, with their help.
    """
    arguments = _parser(prog, groups or {}).parse_args(argv)
    try:
        arguments.command(arguments)
    except (CompilerError, ConfigurationError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser(prog: str, groups: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=prog, description="Map networks onto the accelerator.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_map_options(commands.add_parser("map", help="map a model, simulate its cycles and report"))
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
    add_quantize_options(commands.add_parser("quantize", help="write a float ONNX model as int8"))
    add_rewrite_options(commands.add_parser("rewrite", help="change layers by published rules"))
    add_diff_options(commands.add_parser("diff", help="which layer loses the signal"))
    add_extract_options(commands.add_parser("extract", help="one layer as a model of its own"))
    add_evaluate_options(commands.add_parser("evaluate", help="accuracy over a folder of pictures"))
    add_explore_options(commands.add_parser("explore", help="search machines and networks"))
    for name, text in groups.items():
        commands.add_parser(name, help=text)
    return parser


def _info(arguments: argparse.Namespace) -> None:
    from compiler.info import as_data, model_info, print_info

    config = config_of(arguments)
    found = model_info(load_given(arguments), config, str(arguments.model))
    if arguments.json:
        print(json.dumps(as_data(found, config), allow_nan=False))
    else:
        print_info(found, config)


def _latency(arguments: argparse.Namespace) -> None:
    from compiler.latencies import as_data, latencies, print_latencies
    from compiler.report.clocks import clock_of

    config = config_of(arguments)
    clock = clock_of(config, arguments.clock)
    rows = list(latencies(arguments.networks, config))
    if arguments.json:
        print(json.dumps(as_data(rows, config, clock), allow_nan=False))
    else:
        print_latencies(rows, config, clock)


def _zoo(arguments: argparse.Namespace) -> None:
    from compiler import zoo
    from compiler.frontend import write_model
    from compiler.ir.counts import macs, parameters

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
    from compiler.frontend import write_model

    write_model(load_given(arguments), arguments.file)
