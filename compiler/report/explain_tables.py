"""The explanation of a mapping on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from compiler.report.explain import best_others
from sim.report import console, short_names

CHOSEN = "►"
_ORDER = {
    "keep": "kept",
    "reload": "loaded for each tile",
    "outer": "each kept for all tiles",
}


def print_explanation(found: dict[str, Any]) -> None:
    """Print the candidates of each layer, the places of its maps, and the trials of the search.

    Cycles of layers, cascades and maps are the planner's estimates, those of tried cascades the
    modelled cycles of the network.
    """
    out = console()
    names = _Names(found)
    out.print(_layers(found["layers"], names))
    out.print(_maps(found["layers"], names))
    if found["cascades"]:
        out.print(_strips(found["cascades"], names))
    if found["cascade_trials"]:
        out.print(_cascade_trials(found["cascade_trials"], names))
    if found["release_trials"]:
        out.print(_release_trials(found["release_trials"], names))


class _Names:
    """Short names of layers and maps."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._short: dict[str, str] = {}
        layers = found["layers"]
        maps = [m["name"] for layer in layers for m in layer["maps"]]
        joint = [trial["map"] for trial in found["release_trials"]]
        for names in [layer["name"] for layer in layers], maps + joint:
            self._short.update(zip(names, short_names(names), strict=True))

    def __getitem__(self, name: str) -> str:
        return self._short[name]

    def ends(self, first: str, last: str) -> str:
        return self[first] if first == last else f"{self[first]} to {self[last]}"


def _layers(layers: Sequence[dict[str, Any]], names: _Names) -> Table:
    table = _table(
        "What was weighed: the choice, and the fastest other way for each array shape",
        ("layer", "fit"),
        ("array", "tiles", "weights", "bytes of scratchpad", "cycles"),
    )
    for layer in layers:
        candidates = layer["candidates"]
        fit = sum(c["cycles"] is not None for c in candidates)
        label, share = names[layer["name"]], f"{fit} of {len(candidates)}"
        for c in best_others(candidates):
            table.add_row(
                label,
                share,
                f"{CHOSEN if c['chosen'] else ''}{_by(c['array'])}",
                f"{c['tiles']} of {_by(c['tile'])}",
                _weights(c),
                f"{c['scratchpad_bytes']:,}",
                _cycles(c["cycles"]),
            )
            label = share = ""
    return table


def _weights(candidate: dict[str, Any]) -> str:
    parts = candidate["weight_parts"]
    if parts == 1:
        return "whole"
    order = f" {_ORDER[candidate['order']]}" if candidate["tiles"] > 1 else ""
    return f"{parts} parts{order}"


def _maps(layers: Sequence[dict[str, Any]], names: _Names) -> Table:
    table = _table("Where the maps lie", ("map", "place", "during", "why"), ())
    known = set()
    for layer in layers:
        for m in layer["maps"]:
            key = layer["segment"], m["name"]
            if key not in known:
                known.add(key)
                during = names.ends(m["from"], m["to"]) if m["place"] == "scratchpad" else ""
                table.add_row(names[m["name"]], m["place"], during, m["reason"])
    return table


def _strips(cascades: Sequence[dict[str, Any]], names: _Names) -> Table:
    table = _table("Strips of cascades", ("cascade",), ("rows", "bytes of scratchpad", "cycles"))
    for cascade in cascades:
        label = names.ends(cascade["layers"][0], cascade["layers"][-1])
        for s in cascade["strips"]:
            size = "" if s["scratchpad_bytes"] is None else f"{s['scratchpad_bytes']:,}"
            rows = f"{CHOSEN if s['chosen'] else ''}{s['rows']}"
            table.add_row(label, rows, size, _cycles(s["cycles"]))
            label = ""
    return table


def _cascade_trials(trials: Sequence[dict[str, Any]], names: _Names) -> Table:
    table = _table("Cascades that were tried", ("cascade",), ("before", "with it", "won"))
    for t in trials:
        label = names.ends(t["layers"][0], t["layers"][-1])
        table.add_row(f"{label}, rows recomputed" if t["recompute"] else label, *_outcome(t))
    return table


def _release_trials(trials: Sequence[dict[str, Any]], names: _Names) -> Table:
    table = _table(
        "Maps that were tried in memory",
        ("map", "to give room to"),
        ("before", "without it", "won"),
    )
    for t in trials:
        table.add_row(names[t["map"]], names[t["layer"]], *_outcome(t))
    return table


def _outcome(trial: dict[str, Any]) -> tuple[str, str, str]:
    won = "yes" if trial["won"] else "no"
    return _cycles(trial["cycles_before"]), _cycles(trial["cycles"]), won


def _cycles(cycles: float | None) -> str:
    return "does not fit" if cycles is None else f"{cycles:,.0f}"


def _by(numbers: Sequence[int]) -> str:
    return "x".join(map(str, numbers))


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title, box=SIMPLE)
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table
