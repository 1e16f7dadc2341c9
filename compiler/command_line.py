"""Command line: ``python -m compiler map | info | latency | compare | quantize ...``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from compiler.commands.cache import add_cache_options
from compiler.commands.compare import add_compare_options
from compiler.commands.diff import add_diff_options
from compiler.commands.evaluate import add_evaluate_options
from compiler.commands.explore import add_explore_options
from compiler.commands.extract import add_extract_options
from compiler.commands.info import add_info_options
from compiler.commands.latency import add_latency_options
from compiler.commands.map import add_map_options
from compiler.commands.models import add_import_options, add_zoo_options
from compiler.commands.quantize import add_quantize_options
from compiler.commands.rewrite import add_rewrite_options
from compiler.dispatch import dispatch
from compiler.notes import add_verbosity

COMMANDS = {
    "map": (add_map_options, "map a model, simulate its cycles and report"),
    "info": (add_info_options, "what would run where, and why, by layer"),
    "latency": (add_latency_options, "cycles of networks, without mapping them"),
    "compare": (add_compare_options, "networks and machines side by side"),
    "zoo": (add_zoo_options, "list the built-in networks, or write one"),
    "import": (add_import_options, "convert a model to this project's format"),
    "quantize": (add_quantize_options, "write a float ONNX model as int8"),
    "rewrite": (add_rewrite_options, "change layers by published rules"),
    "diff": (add_diff_options, "which layer loses the signal"),
    "extract": (add_extract_options, "one layer as a model of its own"),
    "evaluate": (add_evaluate_options, "accuracy over a folder of pictures"),
    "explore": (add_explore_options, "search machines and networks"),
    "cache": (add_cache_options, "see and clear what is kept of earlier work"),
}
"""The function that adds the options of each command, and its help."""


def main(
    argv: Sequence[str] | None = None,
    prog: str = "python -m compiler",
    groups: Mapping[str, str] | None = None,
) -> int:
    """Run one command: 0 done, 2 the input is at fault, 1 anything else.

    ``groups`` are further commands of ``prog``, which its caller runs, with their help.
    """
    return dispatch(parser(prog, groups or {}), argv)


def parser(prog: str, groups: Mapping[str, str]) -> argparse.ArgumentParser:
    """The commands and their options; those of ``groups`` have none."""
    parser = argparse.ArgumentParser(prog=prog, description="Map networks onto the accelerator.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (add_options, text) in COMMANDS.items():
        add_options(commands.add_parser(name, help=text))
    add_verbosity(commands.choices.values())
    for name, text in groups.items():
        commands.add_parser(name, help=text)
    return parser
