"""``compiler info``: its options and what it prints."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from compiler.config_options import add_config_options, config_of
from compiler.load import add_model_options, load_given


def add_info_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler info``."""
    command.add_argument(
        "model", metavar="MODEL|NAME", type=Path, help="model file, or name of a built-in network"
    )
    add_model_options(command)
    add_config_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=_info)


def _info(arguments: argparse.Namespace) -> None:
    config = config_of(arguments)
    graph = load_given(arguments)
    # Imported when the model is read: a refusal need not wait for the compiler's kernels.
    from compiler.info import as_data, model_info, print_info

    found = model_info(graph, config, str(arguments.model))
    if arguments.json:
        print(json.dumps(as_data(found, config), allow_nan=False))
    else:
        print_info(found, config)
