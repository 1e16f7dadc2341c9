"""Copies of what drives very many inputs, so that each copy's wires stay in one region.

A placed register with thousands of readers has some at the far end of the device, and the router,
which knows no timing where wire is short, may reach those by any detour.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from hw.synth.multipliers import FLIP_FLOP, Cells

Reader = tuple[str, str, int]
"""Name, port and bit of an input."""

DRIVERS = {FLIP_FLOP: "Q", "LUT4": "Z"}
"""The output of what may be copied."""
SHARED = {"CLK", "CE", "LSR", "WCK"}
"""Inputs that the cells of a tile share: copies would keep cells out of it."""
LIMIT, EACH = 512, 256
"""Readers from which on a driver is copied, and how many each copy has, at most."""


def split_fanout(netlist: Path, top: str) -> Counter[str]:
    """``split`` in module ``top`` of a netlist in Yosys' JSON; returns the new cells by type."""
    design = json.loads(netlist.read_text())
    module = design["modules"][top]
    ports = [port["bits"] for port in module["ports"].values()]
    ports += [bits for cell in module["cells"].values() for bits in cell["connections"].values()]
    free = 1 + max(bit for bits in ports for bit in bits if isinstance(bit, int))
    new = split(module["cells"], free)
    netlist.write_text(json.dumps(design))
    return new


def split(cells: Cells, free: int) -> Counter[str]:
    """Copy flip-flops and LUTs with more than LIMIT readers; returns the new cells by type.

    Readers of similar names share a copy. Nets from number ``free`` on are unused.
    """
    readers = _readers(cells)
    new: Counter[str] = Counter()
    for name in list(cells):
        cell = cells[name]
        port = DRIVERS.get(cell["type"], "")
        found = readers.get((cell["connections"].get(port) or [None])[0], [])
        if len(found) <= LIMIT:
            continue
        found.sort(key=lambda reader: (_natural(reader[0]), *reader[1:]))
        for start in range(EACH, len(found), EACH):
            connections = {key: list(bits) for key, bits in cell["connections"].items()}
            cells[f"{name}$copy{start // EACH}"] = cell | {
                "connections": connections | {port: [free]}
            }
            for reader, key, bit in found[start : start + EACH]:
                cells[reader]["connections"][key][bit] = free
            free += 1
            new[cell["type"]] += 1
    return new


def _readers(cells: Cells) -> dict[Any, list[Reader]]:
    """The inputs that each net leads to, but for those that a tile shares."""
    readers: dict[Any, list[Reader]] = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input" and port not in SHARED:
                for i, bit in enumerate(bits):
                    readers[bit].append((name, port, i))
    return readers


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which numbers in names are in order."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
