"""The options of ``compiler rewrite``, and what it prints."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from compiler.config_options import add_config_options, config_of
from compiler.load import add_model_options


def add_rewrite_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler rewrite``."""
    command.add_argument("model", metavar="MODEL|NAME", help="float model, or one without weights")
    command.add_argument(
        "--rule",
        metavar="NAME[=ARGS][@LAYERS]",
        action="append",
        required=True,
        help="a rule of docs/rewrite.md, for layers by name or pattern; as often as wanted",
    )
    command.add_argument(
        "--search",
        metavar="EXPR",
        help="choose layers and ranks with the least error: cycles<=0.7x, or cycles<=1200000",
    )
    command.add_argument("-o", dest="file", metavar="OUT", type=Path, required=True)
    add_model_options(command)
    add_config_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=_rewrite)


def _rewrite(arguments: argparse.Namespace) -> None:
    from compiler.estimator import Estimator
    from compiler.rewrite.files import Source, check_output, read, write
    from compiler.rewrite.report import as_data, print_rewritten
    from compiler.rewrite.rewrite import rewrite
    from compiler.rewrite.rules import wanted
    from compiler.rewrite.search import limit_of

    config = config_of(arguments)
    rules = [wanted(text) for text in arguments.rule]
    limit = None if arguments.search is None else limit_of(arguments.search)
    source = Source(arguments.model, arguments.calibrate, dict(arguments.shape))
    model = read(source)
    check_output(arguments.file, model, Path(source.name))
    found = rewrite(model, source, rules, Estimator(config), limit)
    files = write(arguments.file, found.model, Path(source.name), found.applied.changes)
    if arguments.json:
        print(json.dumps(as_data(found, config, files), allow_nan=False))
    else:
        print_rewritten(found, config, files)
