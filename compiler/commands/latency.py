"""``compiler latency``: its options and what it prints."""

from __future__ import annotations

import argparse
import json

from compiler.config_options import add_config_options, config_of
from compiler.uncollected import uncollected


def add_latency_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler latency``."""
    command.add_argument(
        "networks",
        metavar="MODEL|NAME",
        nargs="+",
        help="model file, which needs no weights, or name of a built-in network",
    )
    add_config_options(command)
    command.add_argument("--clock", metavar="MHZ", help="clock at which times are stated")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_argument(
        "--no-cache", action="store_true", help="time what is known again, and keep nothing"
    )
    command.set_defaults(command=_latency)


def _latency(arguments: argparse.Namespace) -> None:
    # Imports allocate much that stays: a tenth of an answer's time would go into collecting.
    with uncollected():
        _print(arguments)


def _print(arguments: argparse.Namespace) -> None:
    from compiler.clocks import clock_of
    from compiler.latencies import as_data, latencies, print_latencies

    config = config_of(arguments)
    clock = clock_of(config, arguments.clock)
    rows = latencies(arguments.networks, config, not arguments.no_cache)
    if arguments.json:
        print(json.dumps(as_data(rows, config, clock), allow_nan=False))
    else:
        print_latencies(rows, config, clock)
