"""``compiler extract``: its options and what it prints."""

from __future__ import annotations

import argparse
from pathlib import Path

from golden.input_option import add_input_option


def add_extract_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler extract``."""
    command.add_argument("folder", metavar="DIR", type=Path, help="mapped folder")
    command.add_argument("--layer", metavar="L", required=True, help="a layer that `map` lists")
    command.add_argument("-o", dest="out", metavar="OUT", type=Path, required=True)
    add_input_option(command)
    command.set_defaults(command=_extract)


def _extract(arguments: argparse.Namespace) -> None:
    from compiler.extract import extract

    part = extract(arguments.folder, arguments.layer, arguments.input, arguments.out)
    print(
        f"{arguments.out}: {' + '.join(node.op for node in part.nodes)} with its input and output"
    )
