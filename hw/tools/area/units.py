"""Units of the machine whose resources have formulas, and which cells of a netlist are theirs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

REGISTERS = "registers"
UNITS = {
    "array": ("core.execute.array",),
    "requantiser": ("core.execute.drain.requant",),
    "lookup table": ("core.execute.drain.table",),
    "channel parameters": ("core.execute.drain.parameters",),
    "drain": ("core.execute.drain",),
    "input addresses": ("core.execute.fetch",),
    "line coalescer": ("core.execute.fetch.lines",),
    "operand store": ("core.execute.operands",),
    "weight store": ("core.execute.weights",),
    "execute unit": ("core.execute",),
    "scratchpad": ("core.scratchpad",),
    "load unit": ("core.load", "core.reader"),
    "store unit": ("core.store",),
    "command fetch": ("core.fetch", "core.execute__payload"),
    "command queues": ("core.execute_queue", "core.load_queue", "core.store_queue"),
    REGISTERS: ("",),
}
"""Units in the order of reports, and the paths of their modules in the accelerator. The longest
path counts; what has no other unit is with the registers: counters, monitor and ports."""

_PATHS = {path: unit for unit, paths in UNITS.items() for path in paths}


def unit_of(cell: str) -> str:
    """The unit of a cell of the flat netlist, by its name within the accelerator."""
    parts = [re.sub(r"[$\[]?\d+\]?$", "", part) for part in cell.split(".")[:-1]]
    for length in range(len(parts), 0, -1):
        if unit := _PATHS.get(".".join(parts[:length])):
            return unit
    return REGISTERS


def by_unit(cells: Mapping[str, Mapping[str, Any]], within: str = "") -> dict[str, Counter[str]]:
    """Cells of a netlist by unit and type, those alone whose names begin with ``within``."""
    found = {unit: Counter[str]() for unit in UNITS}
    for name, cell in cells.items():
        if name.startswith(within):
            found[unit_of(name.removeprefix(within))][cell["type"]] += 1
    return found
