"""Flip-flops that other cells can hold as registers of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hw.tools.synth.cells import FLIP_FLOP, Cell, Cells, bit_at, readers


class FlipFlops:
    """The flip-flops of ``cells`` that can move: those that have no reset and begin as 0.

    Nets of ``kept`` keep their drivers. All flip-flops have the same clock.
    """

    def __init__(self, cells: Cells, kept: set[int]):
        self.cells = cells
        self.sinks = sinks(cells, kept)
        """Number of ports that read each net, those of the module included."""
        self.by_output: dict[int, str] = {}
        self._takers: dict[int, list[str]] = {}
        for name, cell in cells.items():
            if cell["type"] == FLIP_FLOP and _plain(cell):
                self.by_output[bit_at(cell, "Q")] = name
                self._takers.setdefault(bit_at(cell, "DI"), []).append(name)
        assert len({bit_at(cells[name], "CLK") for name in self.by_output.values()}) <= 1

    def move_behind(
        self, cell: Cell, outputs: Sequence[str], enabled: bool = False
    ) -> tuple[Any, Any] | None:
        """Move the flip-flops of all outputs in use into ``cell``, which can have a clock enable
        for them if ``enabled``; returns their clock and enable.

        Returns None, and moves none, if an output has none or leads elsewhere too, if the enables
        differ, or if nothing is in use.
        """
        found = {}
        for port in outputs:
            bit = bit_at(cell, port)
            if not self.sinks[bit]:
                continue
            names = self._takers.get(bit, [])
            if self.sinks[bit] != 1 or not names:
                return None
            found[port] = names[0]
        enables = {enable(self.cells[name]) for name in found.values()}
        if len(enables) != 1 or None in enables or not (enabled or enables == {"1"}):
            return None
        clock = None
        for port, name in found.items():
            flip_flop = self.remove(name)
            cell["connections"][port] = flip_flop["connections"]["Q"]
            clock = bit_at(flip_flop, "CLK")
        return clock, enables.pop()

    def remove(self, name: str) -> Cell:
        """Take a flip-flop out of the cells; returns it."""
        flip_flop = self.cells.pop(name)
        del self.by_output[bit_at(flip_flop, "Q")]
        self._takers[bit_at(flip_flop, "DI")].remove(name)
        return flip_flop


def sinks(cells: Cells, kept: set[int]) -> Counter[Any]:
    """Number of ports that read each net, those of ``kept`` with one more."""
    found = readers(cells, lambda *_: True)
    return Counter(kept) + Counter({net: len(ports) for net, ports in found.items()})


def enable(cell: Cell) -> Any:
    """The clock enable: a net, "1" for always, or None for one that another cell cannot have."""
    mux = cell["parameters"].get("CEMUX", "1").strip()  # Yosys writes "1 "
    return "1" if mux == "1" else bit_at(cell, "CE") if mux == "CE" else None


def _plain(cell: Cell) -> bool:
    """Whether the flip-flop takes its input at the rising edge, begins as 0, and has no reset."""
    parameters = cell["parameters"]
    if parameters.get("CLKMUX", "CLK") != "CLK" or parameters.get("REGSET", "RESET") != "RESET":
        return False
    return bit_at(cell, "LSR") in (None, "0")
