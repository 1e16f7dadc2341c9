"""Output registers of a DP16KD, which Yosys does not infer.

With it a word is at the output 1 ns after the clock instead of 5.8 (nextpnr's figures for speed
grade 6). See Lattice TN1264, ECP5 and ECP5-5G Memory Usage Guide.
"""

from __future__ import annotations

from hw.tools.synth.cells import Cells
from hw.tools.synth.flip_flops import FlipFlops

BLOCK_RAM = "DP16KD"
WIDTH = 18


def absorb(cells: Cells, kept: set[int]) -> int:
    """Move flip-flops behind block RAMs into them; returns how many are gone. Those of all outputs
    of a port move, or none; they have one clock enable. Nets of ``kept`` keep their drivers."""
    flip_flops = FlipFlops(cells, kept)
    before = len(cells)
    for cell in [cell for cell in cells.values() if cell["type"] == BLOCK_RAM]:
        for port in "AB":
            outputs = [f"DO{port}{i}" for i in range(WIDTH)]
            if moved := flip_flops.move_behind(cell, outputs, enabled=True):
                cell["parameters"][f"REGMODE_{port}"] = "OUTREG"
                cell["connections"][f"OCE{port}"] = [moved[1]]
                cell["port_directions"][f"OCE{port}"] = "input"
    return before - len(cells)
