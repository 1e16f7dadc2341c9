"""The configuration of a design that is written, checked or synthesised."""

from __future__ import annotations

import argparse

from compiler.config_options import config_of
from compiler.notes import note
from hw.spec.config import AccelConfig


def design_of(arguments: argparse.Namespace) -> AccelConfig:
    """The configuration of a design, in which the memory has no part: says so where it is set."""
    config = config_of(arguments)
    keys = [text.partition("=")[0] for text in arguments.set if text.startswith("memory.")]
    if keys:
        note(f"--set {', '.join(keys)}: no effect here: the Verilog is the same for every memory")
    return config
