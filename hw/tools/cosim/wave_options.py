"""Options of what a simulation records: ``--waves`` and those that need it."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.errors import InputError, show
from compiler.quantities import whole
from hw.tools.cosim.waves import FORMATS, Waves, unit_of, units

if TYPE_CHECKING:
    from sim.program import Program

ICARUS_KINDS = ("fst",)
"""What Icarus writes of ``FORMATS``."""


def add_wave_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to a command's."""
    parser.add_argument(
        "--waves",
        metavar="FILE",
        type=Path,
        help="record signals to FILE.fst or, much larger, FILE.vcd (icarus: FST only); "
        "for a second segment x.fst becomes x.1.fst, and so on",
    )
    parser.add_argument("--waves-from", metavar="C", help="first cycle to record (default: all)")
    parser.add_argument("--waves-to", metavar="C", help="last cycle to record (default: all)")
    parser.add_argument(
        "--layer", metavar="L", help="record from this layer's first cycle to its last"
    )
    parser.add_argument(
        "--unit",
        metavar="U",
        help="record all signals of this unit, such as core.load (default: the ports of all units)",
    )
    parser.add_argument(
        "--waves-only",
        action="store_true",
        help="end the run after the cycles to record, and compare nothing",
    )


def waves_of(arguments: argparse.Namespace, program: Program) -> Waves | None:
    """The recording that the options ask for. Raises InputError, and CommandFault as run_timing."""
    path: Path | None = arguments.waves
    if path is None:
        given = [
            option
            for option in ("waves_from", "waves_to", "layer", "unit", "waves_only")
            if getattr(arguments, option) not in (None, False)
        ]
        if given:
            raise InputError(f"--{given[0].replace('_', '-')} without --waves: nothing is recorded")
        return None
    _check_file(path, arguments.simulator)
    window = _window(arguments, program)
    unit = arguments.unit
    if unit is not None:
        from hw.tools.verilog_cache import verilog

        unit = unit_of(unit, units(verilog(program.config)))
    if arguments.waves_only:
        _check_only(arguments, window)
    return Waves(path, window, unit, only=arguments.waves_only)


def _check_only(arguments: argparse.Namespace, window: tuple[int, int] | None) -> None:
    """Raise InputError for --waves-only without an end, or with what needs a whole run."""
    if window is None:
        raise InputError(
            "--waves-only without cycles to record; it is accepted with --waves-to or --layer"
        )
    for option in ("output", "tensors", "timeline", "json"):
        if getattr(arguments, option):
            raise InputError(f"--{option} with --waves-only: the run is not finished")


def _check_file(path: Path, simulator: str) -> None:
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: not a directory")
    accepted = ICARUS_KINDS if simulator == "icarus" else FORMATS
    if path.suffix[1:] not in accepted:
        names = " or ".join(f".{kind}" for kind in accepted)
        raise InputError(
            f"--waves {path}: --simulator {simulator} writes a file whose name ends in {names}"
        )


def _window(arguments: argparse.Namespace, program: Program) -> tuple[int, int] | None:
    """First and last cycle, None without an option that says them."""
    first, last, layer = arguments.waves_from, arguments.waves_to, arguments.layer
    if first is None and last is None and layer is None:
        return None
    from sim.simulation import run_timing

    timing = run_timing(program)
    if layer is None:
        low = 0 if first is None else whole(first, "--waves-from", 0, timing.cycles)
        high = timing.cycles if last is None else whole(last, "--waves-to", low, timing.cycles)
        return low, high
    if first is not None or last is not None:
        raise InputError("--layer with --waves-from or --waves-to: one or the other is accepted")
    for times in timing.layers:
        if times.name == layer:
            return times.start_cycle, times.end_cycle
    names = [times.name for times in timing.layers]
    close = difflib.get_close_matches(layer, names, 3) or names[:3]
    raise InputError(
        f"--layer {show(layer)}: no layer that the array computes; "
        f"{', '.join(map(show, close))} are some that are accepted"
    )
