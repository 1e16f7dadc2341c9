"""Clock enables and resets with very many readers, on the device's global network.

Eight of its sixteen trees reach clock enables and resets as well as clocks, and one carries the
clock; nextpnr puts there what a clock buffer (DCCA) drives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hw.synth.cells import FLIP_FLOP, Cells, readers, reconnect

BUFFER = "DCCA"
PREFIX = "global$"
TREES = 7
LEAST = 256
"""Readers from which on a net is worth a tree."""
TREE_NS = 3.0
"""What the way through a tree is counted as: an allowance, no figure of the vendor's. nextpnr
counts nothing for it."""


def promote(cells: Cells, netnames: dict, free: int) -> int:
    """Lead the clock enables and resets with the most readers through buffers; returns how many.

    Names of the new nets, PREFIX and the name of the old one, go to ``netnames``. Nets from number
    ``free`` on are unused.
    """
    found = readers(cells, lambda c, port: c["type"] == FLIP_FLOP and port in ("CE", "LSR"))
    most = sorted(found, key=lambda net: -len(found[net]))[:TREES]
    chosen = [net for net in most if len(found[net]) >= LEAST]
    names = {bit: name for name, entry in netnames.items() for bit in entry["bits"]}
    for i, net in enumerate(chosen):
        new, name = free + i, f"{PREFIX}{names.get(net, net)}"
        cells[name] = {
            "hide_name": 0, "type": BUFFER, "parameters": {}, "attributes": {},
            "port_directions": {"CLKI": "input", "CE": "input", "CLKO": "output"},
            "connections": {"CLKI": [net], "CE": ["1"], "CLKO": [new]},
        }  # fmt: skip
        netnames[name] = {"hide_name": 0, "bits": [new], "attributes": {}}
        reconnect(cells, found[net], new)
    return len(chosen)


def longest_behind_trees(nets: Iterable[Mapping[str, Any]]) -> float:
    """The longest path (ns) that ends behind a tree, with that on top, of nextpnr's detailed
    timings; 0 without trees."""
    ends = [net["endpoints"] for net in nets if net["net"].startswith(PREFIX)]
    return max((TREE_NS + max(end["delay"]) for found in ends for end in found), default=0.0)
