"""The option --input, alike in all commands that run a model."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_input_option(parser: argparse.ArgumentParser, files: str = "X.npy") -> None:
    """Add --input, once for each input of the model; ``files`` are names of what it takes."""
    parser.add_argument(
        "--input",
        metavar=files,
        type=Path,
        action="append",
        default=[],
        help="an input of the whole model, in its order; a seeded random one where not given",
    )
