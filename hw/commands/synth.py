"""``hw synth``: the resources that one configuration takes and, after routing, its clock."""

from __future__ import annotations

import argparse
import json

from compiler.config_options import OUTPUT
from compiler.errors import InputError
from compiler.quantities import whole
from hw.commands.design import design_of
from hw.tools.integration.ports import ports
from hw.tools.synth.device import ECP5, SEED, TARGETS
from hw.tools.synth.flow import check_tools, print_report, synthesise
from hw.tools.verilog_cache import verilog

SEEDS = 1 << 64
"""Seeds that there are."""


def run(arguments: argparse.Namespace) -> None:
    """Synthesise and report. Raises InputError and ToolError."""
    config, target = design_of(arguments), TARGETS[arguments.target]
    if arguments.pnr and target is not ECP5:
        raise InputError(f"--pnr with --target {target.name}: accepted with --target {ECP5.name}")
    seed = _seed(arguments)
    check_tools(arguments.pnr)
    folder = arguments.folder or OUTPUT / f"synth_{config.name}"
    text = verilog(config)
    try:
        report = synthesise(config, target, text, ports(text), folder, seed=seed)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: {error.strerror}") from error
    if arguments.json:
        print(json.dumps(report, allow_nan=False))
    else:
        print_report(report, target)


def _seed(arguments: argparse.Namespace) -> int | None:
    """The seed of the placement, None without one. Raises InputError."""
    if arguments.seed is not None and not arguments.pnr:
        raise InputError("--seed without --pnr: it is the seed of the placement")
    if not arguments.pnr:
        return None
    return SEED if arguments.seed is None else whole(arguments.seed, "--seed", 0, SEEDS - 1)
