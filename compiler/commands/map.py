"""``compiler map``: its options, and the call that they stand for."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from compiler.config_options import OUTPUT, add_config_options, config_of
from compiler.errors import ConfigError
from compiler.load import add_model_options, load_given
from compiler.options import CompilerOptions
from compiler.quantities import address, whole
from hw.spec.config_keys import size
from hw.spec.timing import BURST_BOUNDARY

MOST_LAYERS = 1_000_000
"""Layers that --top takes at most."""
LONGEST_NAME = 200
"""Bytes of a folder's name that is taken from a model."""


def add_map_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler map``."""
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
        "--host",
        metavar="LAYER",
        action="append",
        default=[],
        help="leave a node of the model to the host, as often as wanted",
    )
    command.add_argument(
        "--memory", metavar="BYTES", help="refuse a mapping that takes more memory, 2MiB say"
    )
    command.add_argument(
        "--base", metavar="ADDRESS", help="where memory has the image, 0x40000000 say (default: 0)"
    )
    command.add_argument(
        "--header", metavar="FILE.h", type=Path, help="write what a C program needs to run it"
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
    command.set_defaults(command=run)


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


def run(arguments: argparse.Namespace) -> None:
    """Map what the options name. Raises CompilerError and ConfigurationError."""
    if arguments.json and (arguments.layers or arguments.top is not None):
        raise ConfigError("--json has all layers; --layers and --top are for the tables without it")
    config = config_of(arguments)
    graph = load_given(arguments)
    # Imported when the model is read: a refusal need not wait for the compiler's kernels.
    from compiler.clocks import clock_of
    from compiler.ir.randomize import completed
    from compiler.map_cache import MapCache
    from compiler.mapping import Extras, map_graph
    from compiler.report import View

    graph = completed(graph)
    folder = arguments.folder or OUTPUT / _folder_name(graph.name)
    options = CompilerOptions(
        arguments.materialize,
        host=tuple(dict.fromkeys(arguments.host)),
        memory=_memory(arguments.memory),
        base=_base(arguments.base),
    )
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
        header=arguments.header,
    )
    if arguments.json:
        print(json.dumps(report, allow_nan=False))


def _memory(text: str | None) -> int | None:
    """The bytes of --memory. Raises ConfigError."""
    from compiler.codegen.memory import MEMORY_LIMIT

    return None if text is None else whole(str(size(text)), "--memory", 1, MEMORY_LIMIT)


def _base(text: str | None) -> int:
    """The address of --base. Raises ConfigError."""
    from compiler.codegen.memory import MEMORY_LIMIT

    return 0 if text is None else address(text, "--base", BURST_BOUNDARY, MEMORY_LIMIT)


def _folder_name(name: str) -> str:
    """The name of a model as that of one folder: what is no letter, digit, ``_``, ``.``, ``-`` or
    space becomes ``_``, and a long one is cut."""
    safe = re.sub(r"[^\w. -]", "_", name).encode()[:LONGEST_NAME].decode(errors="ignore")
    return safe if safe.strip(". ") else "_"
