"""Printed and JSON forms of what ``compiler rewrite`` did."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from compiler.ir.graph import Graph
from compiler.rewrite.change import KEPT, RANDOM, Change
from compiler.rewrite.rewrite import Rewritten
from compiler.rewrite.rules import RULES
from hw.spec.config import AccelConfig, title
from sim.report import console, short_names

_ROWS = {
    "macs": "multiply-accumulates",
    "parameters": "parameters",
    "cycles": "cycles",
    "dram_read_bytes": "bytes read from memory",
    "dram_write_bytes": "bytes written",
}


def as_data(found: Rewritten, config: AccelConfig, files: Sequence[Path]) -> dict[str, Any]:
    """The rewriting fit for JSON."""
    return {
        "preset": title(config),
        "mac_units": config.mac_units,
        "rules": [rule.text for rule in found.rules],
        "limit": found.limit,
        "files": [str(file) for file in files],
        "before": found.before.as_data(),
        "after": found.after.as_data(),
        "changes": [dataclasses.asdict(each) for each in found.applied.changes],
        "refused": dict(found.applied.refused),
        "fidelity": None if found.fidelity is None else dataclasses.asdict(found.fidelity),
    }


def print_rewritten(found: Rewritten, config: AccelConfig, files: Sequence[Path]) -> None:
    """The changes, the figures before and after, and what is assumed."""
    out = console()
    out.print(_changes(found.applied.changes))
    for name, reason in found.applied.refused.items():
        out.print(f"{name} stays as it is: {reason}.")
    out.print(_figures(found, config))
    for line in (*_weights(found), *_fidelity(found)):
        out.print(line)
    if found.limit is not None:
        out.print(f"chosen for at most {found.limit:,} cycles:")
        out.print(" ".join(f"--rule '{rule.text}'" for rule in found.rules))
    out.print(f"written: {', '.join(map(str, files))}")


def _changes(changes: Sequence[Change]) -> Table:
    table = Table(title="layers rewritten", box=SIMPLE)
    for name in ("layers", "rule", "weights"):
        table.add_column(name, no_wrap=True)
    for name in ("parameters", "before", "weight error", "variance kept"):
        table.add_column(name, justify="right", no_wrap=True)
    names = short_names([", ".join(change.layers) for change in changes])
    for name, each in zip(names, changes, strict=True):
        table.add_row(
            name,
            each.rule,
            each.weights,
            f"{each.parameters:,}",
            f"{each.parameters_before:,}",
            "" if each.error is None else f"{each.error:.2%}",
            "" if each.variance is None else f"{each.variance:.1%}",
        )
    return table


def _figures(found: Rewritten, config: AccelConfig) -> Table:
    table = Table(title=f"{title(config)}, {config.mac_units} MAC units, batch 1", box=SIMPLE)
    table.add_column("", no_wrap=True)
    for name in ("before", "after", "kept"):
        table.add_column(name, justify="right", no_wrap=True)
    before, after = found.before.as_data(), found.after.as_data()
    for key, text in _ROWS.items():
        kept = f"{after[key] / before[key]:.1%}" if before[key] else ""
        table.add_row(text, f"{before[key]:,}", f"{after[key]:,}", kept)
    shares = (f"{each['utilization']:.1%}" for each in (before, after))
    table.add_row("utilisation", *shares, "")
    return table


def _weights(found: Rewritten) -> list[str]:
    """Lines about the weights."""
    states = {change.weights for change in found.applied.changes}
    lines = []
    if RANDOM in states:
        rules = dict.fromkeys(c.rule for c in found.applied.changes if c.weights == RANDOM)
        lines.append(f"{', '.join(rules)}: structure only, these layers start at random.")
    if isinstance(found.model, Graph):
        lines.append("The model has no weights: its structure was rewritten.")
    if found.applied.changes and KEPT in states:
        names = dict.fromkeys(c.rule for c in found.applied.changes if c.weights == KEPT)
        lines.append("Weights: " + "; ".join(f"{name} by {RULES[name].source}" for name in names))
    return lines


def _fidelity(found: Rewritten) -> list[str]:
    if found.fidelity is None:
        if isinstance(found.model, Graph):
            return []
        return ["Scales are of seeded random inputs, and outputs were not compared: --calibrate."]
    lines = []
    for name, ratio in found.fidelity.sqnr_db.items():
        text = "equal" if ratio is None else f"SQNR {ratio:.1f} dB"
        lines.append(f"output {name}, float beside float: {text}")
    share = f"{found.fidelity.agreement:.1%} of {found.fidelity.inputs} inputs"
    return [*lines, f"the same greatest value for {share}"]
