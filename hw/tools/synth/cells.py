"""A netlist in Yosys' JSON, as the steps between Yosys and nextpnr change it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

Cell = dict[str, Any]
Cells = dict[str, Cell]
Reader = tuple[str, str, int]
"""Name, port and bit of an input."""

FLIP_FLOP = "TRELLIS_FF"


def bit_at(cell: Cell, port: str) -> Any:
    """The net or constant at a port of one bit, None if there is none."""
    return (cell["connections"].get(port) or [None])[0]


def free_net(module: dict[str, Any]) -> int:
    """A number from which on a module has no nets, nor names of nets."""
    ports = [port["bits"] for part in ("ports", "netnames") for port in module[part].values()]
    ports += [bits for cell in module["cells"].values() for bits in cell["connections"].values()]
    return 1 + max((bit for bits in ports for bit in bits if isinstance(bit, int)), default=0)


def readers(cells: Cells, counted: Callable[[Cell, str], bool]) -> dict[int, list[Reader]]:
    """The inputs that each net leads to, of those that ``counted`` has chosen by cell and port."""
    found: dict[int, list[Reader]] = defaultdict(list)
    for name, cell in cells.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input" and counted(cell, port):
                for i, bit in enumerate(bits):
                    if isinstance(bit, int):
                        found[bit].append((name, port, i))
    return found


def reconnect(cells: Cells, readers: list[Reader], net: int) -> None:
    """Lead a net to inputs, in place of the one that leads there."""
    for name, port, bit in readers:
        cells[name]["connections"][port][bit] = net
