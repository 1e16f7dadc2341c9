"""Copies of what drives very many inputs, so that each copy's wires stay in one region.

A placed register with thousands of readers has some at the far end of the device, and the router,
which knows no timing where wire is short, may reach those by any detour.
"""

from __future__ import annotations

import re
from collections import Counter

from hw.tools.synth.cells import (
    FLIP_FLOP,
    Cells,
    bit_at,
    readers,
    reconnect,
)

DRIVERS = {FLIP_FLOP: "Q", "LUT4": "Z"}
"""The output of what may be copied."""
SHARED = {"CLK", "CE", "LSR", "WCK"}
"""Inputs that the cells of a tile share: copies would keep cells out of it."""
LIMIT, EACH = 512, 256
"""Readers from which on a driver is copied, and how many each copy has, at most."""


def split(cells: Cells, free: int) -> Counter[str]:
    """Copy flip-flops and LUTs with more than LIMIT readers; returns the new cells by type.

    Readers of similar names share a copy. Nets from number ``free`` on are unused.
    """
    inputs = readers(cells, lambda _, port: port not in SHARED)
    new: Counter[str] = Counter()
    for name in list(cells):
        cell = cells[name]
        port = DRIVERS.get(cell["type"], "")
        found = inputs.get(bit_at(cell, port), [])
        if len(found) <= LIMIT:
            continue
        found.sort(key=lambda reader: (_natural(reader[0]), *reader[1:]))
        for start in range(EACH, len(found), EACH):
            connections = {key: list(bits) for key, bits in cell["connections"].items()}
            cells[f"{name}$copy{start // EACH}"] = cell | {
                "connections": connections | {port: [free]}
            }
            reconnect(cells, found[start : start + EACH], free)
            free += 1
            new[cell["type"]] += 1
    return new


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which numbers in names are in order."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
