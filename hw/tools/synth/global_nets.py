"""Clock enables and resets with very many readers, on the device's global network.

Eight of its sixteen trees reach clock enables and resets as well as clocks, and one carries the
clock; nextpnr puts there what a clock buffer (DCCA) drives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hw.tools.synth.cells import FLIP_FLOP, Cells, readers, reconnect

BUFFER = "DCCA"
PREFIX = "global$"
TREES = 7
LEAST = 256
"""Readers from which on a net is worth a tree."""
TREE_NS = 3.0
"""Allowance for the way through a tree (ns), no figure of the vendor's. nextpnr
counts nothing for it."""
SETUP_NS = {"CE": 0.0, "LSR": 0.424}
"""Of a flip-flop's ports, speed grade 6, in nextpnr's database; not in its detailed timings."""


@dataclass(frozen=True)
class TreePath:
    """A path that ends after a tree: its time (ns), the net and the cell at its end."""

    ns: float
    net: str
    cell: str


def promote(cells: Cells, netnames: dict[str, Any], free: int) -> int:
    """Lead the clock enables and resets with the most readers through buffers; returns how many.

    Names of the new nets, PREFIX and the name of the old one, go to ``netnames``. Nets from number
    ``free`` on are unused.
    """
    found = readers(cells, lambda c, port: c["type"] == FLIP_FLOP and port in ("CE", "LSR"))
    most = sorted(found, key=lambda net: -len(found[net]))[:TREES]
    chosen = [net for net in most if len(found[net]) >= LEAST]
    names = _names(netnames)
    for new, net in enumerate(chosen, free):
        name = PREFIX + names[net]
        assert name not in cells and name not in netnames, name
        cells[name] = {
            "hide_name": 0, "type": BUFFER, "parameters": {}, "attributes": {},
            "port_directions": {"CLKI": "input", "CLKO": "output"},
            "connections": {"CLKI": [net], "CLKO": [new]},
        }  # fmt: skip
        netnames[name] = {"hide_name": 0, "bits": [new], "attributes": {}}
        reconnect(cells, found[net], new)
    return len(chosen)


def _names(netnames: Mapping[str, Any]) -> dict[int, str]:
    """A name for each net: one of the source, if it has any, and in a bus with the bit's number."""
    names = {}
    for name, entry in sorted(netnames.items(), key=lambda item: -item[1].get("hide_name", 0)):
        for i, bit in enumerate(entry["bits"]):
            names[bit] = name if len(entry["bits"]) == 1 else f"{name}[{i}]"
    return names


def longest_after_trees(nets: Iterable[Mapping[str, Any]]) -> TreePath | None:
    """The longest path that ends after a tree, with that and the setup on top, of nextpnr's
    detailed timings."""
    found = [
        TreePath(TREE_NS + SETUP_NS[end["port"]] + max(end["delay"]), net["net"], end["cell"])
        for net in nets
        if net["net"].startswith(PREFIX)
        for end in net["endpoints"]
    ]
    return max(found, key=lambda path: path.ns, default=None)
