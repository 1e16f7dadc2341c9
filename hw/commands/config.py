"""``hw config``: a configuration explained, and written."""

from __future__ import annotations

import argparse
import json

from compiler.config_options import config_of
from hw.tools.config_report import as_data, print_config, write_config


def run(arguments: argparse.Namespace) -> None:
    """Explain the configuration, and write it. Raises InputError."""
    config = config_of(arguments)
    if arguments.file is not None:
        write_config(arguments.file, config)
    if arguments.json:
        print(json.dumps(as_data(config)))
    else:
        print_config(config)
