"""Resources of a target, and how its cells count as them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SEED = 1
"""The seed of the placement unless another is asked for."""

RESOURCES = ("multipliers", "luts", "flip_flops", "block_rams")


@dataclass(frozen=True)
class Target:
    """A family of FPGAs.

    ``cells`` gives, for each resource, how many of it one cell of a type takes; ``limits`` what
    the device has of it, empty where no device is named.
    """

    name: str
    device: str
    units: Mapping[str, str]
    cells: Mapping[str, Mapping[str, int]]
    limits: Mapping[str, int]

    def count(self, cells_by_type: Mapping[str, int]) -> dict[str, int]:
        """Resources that a netlist takes, from its cells by type."""
        return {
            name: sum(number * cells_by_type.get(cell, 0) for cell, number in weights.items())
            for name, weights in self.cells.items()
        }


ECP5 = Target(
    name="ecp5",
    device="LFE5U-85F",
    units=dict(zip(RESOURCES, ("MULT18X18D", "LUT4", "flip-flop", "DP16KD"), strict=True)),
    cells={
        "multipliers": {"MULT18X18D": 1},
        # A carry cell is two LUTs, a 16x4 memory four, and its write port the place of two more.
        "luts": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
        "flip_flops": {"TRELLIS_FF": 1},
        "block_rams": {"DP16KD": 1},
    },
    limits=dict(zip(RESOURCES, (156, 83_640, 83_640, 208), strict=True)),
)
"""Lattice ECP5; numbers of the device as nextpnr has them."""

XILINX = Target(
    name="xilinx",
    device="7 series",
    units=dict(zip(RESOURCES, ("DSP48E1", "LUT6", "flip-flop", "RAMB18"), strict=True)),
    cells={
        "multipliers": {"DSP48E1": 1},
        # LUTs of a distributed memory: AMD UG474, table 2-3.
        "luts": {f"LUT{inputs}": 1 for inputs in range(1, 7)}
        | {"INV": 1, "SRL16E": 1, "SRLC32E": 1, "RAM32M": 4, "RAM64M": 4}
        | {"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4},
        "flip_flops": {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
        "block_rams": {"RAMB18E1": 1, "RAMB36E1": 2},
    },
    limits={},
)

TARGETS = {target.name: target for target in (ECP5, XILINX)}

ASIC = "asic"
"""What ``hw area`` calls a chip of one's own, for which there is no synthesis."""
