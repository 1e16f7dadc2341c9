"""``compiler diff``: its options and what it prints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compiler.load import add_model_options
from golden.input_option import add_input_option


def add_diff_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``compiler diff``."""
    command.add_argument("folder", metavar="DIR", type=Path, help="mapped folder, or of --tensors")
    command.add_argument(
        "--reference",
        metavar="DIR|MODEL",
        type=Path,
        required=True,
        help="another such folder, or a model, float ones above all",
    )
    add_input_option(command)
    add_model_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(command=_diff)


def _diff(arguments: argparse.Namespace) -> None:
    from compiler.diff import diff

    rows = diff(
        arguments.folder,
        arguments.reference,
        arguments.input,
        arguments.calibrate,
        dict(arguments.shape),
    )
    if arguments.json:
        print(json.dumps({"tensors": rows}, allow_nan=False))
    else:
        print_diff(rows)


def print_diff(rows: Sequence[dict[str, Any]]) -> None:
    """The tensors as a table, and the layer that adds most noise."""
    from sim.fitted_table import Column, fitted_table
    from sim.report import console, lines

    out = console()
    columns = [
        Column("layer", [row["layer"] for row in rows], False),
        Column("operator", [row["op"] for row in rows], False, 2),
        Column("SQNR, dB", [_decibels(row) for row in rows]),
        Column("noise", [_share(row["noise"]) for row in rows]),
        Column("added", [_percent(row["noise_added"]) for row in rows]),
        Column("largest error", [_error(row["largest_error"]) for row in rows], True, 3),
        Column("in steps", [_steps(row["largest_error_steps"]) for row in rows], True, 1),
    ]
    lines(out, fitted_table(columns, out.width))
    lines(out, ["", *_verdict(rows)])


def _verdict(rows: Sequence[dict[str, Any]]) -> list[str]:
    different = [row for row in rows if not row["equal"]]
    if not different:
        return [f"All {len(rows)} tensors are equal."]
    found = [f"{len(rows) - len(different)} of {len(rows)} tensors are equal."]
    worst = max(different, key=lambda row: row["noise_added"] or 0.0)
    if worst["noise_added"]:
        found.append(
            f"{worst['layer']} adds most noise: {worst['noise_added']:.3%} of its signal's power, "
            f"SQNR {_decibels(worst)} dB."
        )
    endless = [row["layer"] for row in different if row["noise"] is None]
    if endless:
        found.append(f"Not finite from {endless[0]} on: {len(endless)} tensors.")
    finite = [row for row in different if row["noise"] is not None]
    if finite:
        least = max(finite, key=lambda row: row["noise"])
        found.append(f"The least SQNR is that of {least['layer']}: {_decibels(least)} dB.")
    return found


def _decibels(row: Mapping[str, Any]) -> str:
    if row["equal"]:
        return "equal"
    return "-" if row["sqnr_db"] is None else f"{row['sqnr_db']:.1f}"


def _share(noise: float | None) -> str:
    return "-" if noise is None else f"{noise:.3%}"


def _error(largest: float | None) -> str:
    return "-" if largest is None else f"{largest:.4g}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:+.3%}"


def _steps(count: float | None) -> str:
    return "-" if count is None else f"{count:.1f}"
