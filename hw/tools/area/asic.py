"""A configuration on a chip of one's own: gates from formulas, memories exactly, mm2 estimated."""

from __future__ import annotations

from dataclasses import dataclass

from hw.spec.config import AccelConfig
from hw.spec.records import PARAM_WORDS
from hw.spec.timing import TAP_GROUP_RING, WEIGHT_RING
from hw.tools.area.estimate import fitted, unit_sums
from hw.tools.area.hard_blocks import Memory, memories
from hw.tools.synth.device import ASIC

GATES = "gates"
NODE_NM = 28
"""Node of the areas, in nanometres."""
GATE_UM2 = 0.798 * (NODE_NM / 45) ** 2
"""Area of a gate equivalent: the NAND2 of the NanGate FreePDK45 Open Cell Library, scaled."""
UTILISATION = 0.7
"""Share of the area that gates cover after placement, an assumption."""
SRAM_UM2 = 0.291 * 1.457
"""Area of a bit of SRAM with a read and a write port, eight transistors, 28 nm FD-SOI: H. Mori and
others, "A 28-nm FD-SOI 8T Dual-Port SRAM for Low-Energy Image Processor"."""
SRAM_EFFICIENCY = 0.7
"""Share of an SRAM's area that its bits take, an assumption."""
LATCH_GATES = (2.660 + 1.330 / 2) / 0.798
"""Gates of a bit that is read in the cycle of its address: a latch, and half an AOI22 of the choice
(NanGate)."""
TAP_GROUP_BITS = 39
LANE_BITS = 9
"""Bits of a lane's place in a tap group, besides its offset."""


def stores(config: AccelConfig) -> list[Memory]:
    """The small memories of a configuration, which are read in the cycle of the address or so soon
    that they are LUT memories on an FPGA."""
    word, line, ring = 8 * config.cols, 8 * config.line_bytes, TAP_GROUP_RING
    parts = [
        min(config.line_words, PARAM_WORDS - first)
        for first in range(0, PARAM_WORDS, config.line_words)
    ]
    ports = "1 R, 1 W"
    return [
        Memory("operand store, words", config.rows * config.line_words, 2 * ring, word, ports),
        Memory("operand store, places", config.rows, ring, config.line_bits + 1 + LANE_BITS, ports),
        Memory("operand store, tap groups", 1, ring, TAP_GROUP_BITS, ports),
        Memory("weight store", 1, WEIGHT_RING, line, ports),
        *(
            Memory("channel parameters", parts.count(words), 4, words * word, ports)
            for words in dict.fromkeys(parts)
        ),
    ]


@dataclass(frozen=True)
class ChipEstimate:
    """A configuration on a chip: gate equivalents by unit, macros, multipliers and areas in mm2."""

    units: dict[str, int]
    macros: list[Memory]
    stores: list[Memory]
    multipliers: dict[str, int]
    mm2: dict[str, float]
    error: tuple[float, float]
    fitted_macs: int

    @property
    def gates(self) -> int:
        """Gate equivalents of the logic, without stores."""
        return sum(self.units.values())


def chip_estimate(config: AccelConfig) -> ChipEstimate:
    """The resources of a configuration on a chip of one's own."""
    known = fitted()[ASIC]
    units = {unit: found[GATES] for unit, found in unit_sums(config, ASIC, (GATES,)).items()}
    macros, small = memories(config), stores(config)
    gate = GATE_UM2 / UTILISATION * 1e-6
    areas = {
        "gates": sum(units.values()) * gate,
        "stores": bits(small) * LATCH_GATES * gate,
        "SRAM": bits(macros) * SRAM_UM2 / SRAM_EFFICIENCY * 1e-6,
    }
    return ChipEstimate(
        units,
        macros,
        small,
        {"8 x 8": config.mac_units, "32 x 32": config.requant_lanes},
        areas,
        (known["median_error"], known["worst_error"]),
        known["fitted_macs"],
    )


def bits(found: list[Memory]) -> int:
    """The bits of memories together."""
    return sum(memory.number * memory.words * memory.bits for memory in found)
