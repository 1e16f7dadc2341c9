"""Multipliers and memories of a configuration, exactly, from its structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from hw.spec.config import AccelConfig
from hw.spec.timing import FETCH_BYTES
from hw.tools.synth.device import ECP5, XILINX
from hw.tools.synth.netlist import REQUANT_MULTIPLIERS, address_multipliers, lut_lanes

SHAPES = {
    ECP5.name: ((16384, 1, 1), (8192, 2, 1), (4096, 4, 1), (2048, 9, 1), (1024, 18, 1),
                (512, 36, 1)),
    XILINX.name: ((16384, 1, 1), (8192, 2, 1), (4096, 4, 1), (2048, 9, 1), (1024, 18, 1),
                  (512, 36, 1), (32768, 1, 2), (512, 72, 2)),
}  # fmt: skip
"""Words, bits and block RAMs of one memory: a DP16KD (Lattice TN1264), a RAMB18, and a RAMB36,
which is two (AMD UG473)."""
DEEP = 8192
"""Words of a bank from which on it is two memories (hw/mem/scratchpad_bank.v)."""
DSP48_ADDRESSES = 2
"""DSP48E1 of the products of sizes: one in LOAD, one in the input addresses."""
LOOKUPS = 2
"""Lanes of the requantiser that a memory of the lookup table serves."""


class Memory(NamedTuple):
    """Memories of one kind, of which a port takes the word a cycle after its address."""

    use: str
    number: int
    words: int
    bits: int
    ports: str
    """R reads, W writes, RW either, one word a cycle each."""


def memories(config: AccelConfig) -> list[Memory]:
    """The memories that are block RAM on an FPGA and SRAM macros on a chip of one's own."""
    return [
        Memory(
            "scratchpad", config.line_words, config.scratchpad_lines, 8 * config.cols, "1 R, 1 W"
        ),
        Memory("lookup table", config.requant_lanes // LOOKUPS, 128, 16, "2 RW"),
        Memory(
            "command fetch",
            1,
            2 * FETCH_BYTES // config.word_bytes,
            8 * config.word_bytes + 1,
            "1 R, 1 W",
        ),
    ]


def block_rams(config: AccelConfig, target: str) -> int:
    """Block RAMs that Yosys makes of the memories."""
    return sum(
        memory.number * sum(_blocks(words, memory.bits, target)[0] for words in _parts(memory))
        for memory in memories(config)
    )


def chosen_bits(config: AccelConfig, target: str) -> int:
    """Bits of a line of the scratchpad, once for each further block RAM that a bit is chosen
    from."""
    bank = memories(config)[0]
    deep = sum(_blocks(words, bank.bits, target)[1] for words in _parts(bank))
    return bank.number * bank.bits * (deep - 1)


def _parts(memory: Memory) -> list[int]:
    """The words of a memory, or of the two that it is made of."""
    if memory.words <= DEEP:
        return [memory.words]
    low = 1 << (memory.words - 1).bit_length() - 1
    return [low, -(-(memory.words - low) // 1024) * 1024]


def _blocks(words: int, bits: int, target: str) -> tuple[int, int]:
    """Block RAMs of a memory in the shape that needs the fewest, and how many of them are one after
    another in its depth."""
    shapes = ((-(-words // w), -(-bits // b), blocks) for w, b, blocks in SHAPES[target])
    return min((deep * wide * blocks, deep) for deep, wide, blocks in shapes)


def _ecp5(config: AccelConfig) -> int:
    array = config.mac_units - soft_products(config)
    return array + REQUANT_MULTIPLIERS * config.requant_lanes + address_multipliers(config)


def _xilinx(config: AccelConfig) -> int:
    return config.mac_units + REQUANT_MULTIPLIERS * config.requant_lanes + DSP48_ADDRESSES


def soft_products(config: AccelConfig) -> int:
    """Products of the array that are made of LUTs on ECP5, since its multipliers are too few."""
    return config.cols * lut_lanes(config, ECP5)


MULTIPLIERS: Mapping[str, Callable[[AccelConfig], int]] = {
    ECP5.name: _ecp5,
    XILINX.name: _xilinx,
}
"""Multipliers of a configuration, by target."""
