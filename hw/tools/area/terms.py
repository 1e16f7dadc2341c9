"""Terms of the formulas: the sizes of a configuration that a unit's logic grows with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hw.spec.config import AccelConfig
from hw.tools.area.hard_blocks import SHAPES, chosen_bits, soft_products
from hw.tools.synth.device import ECP5

MUX_INPUTS = 4
"""Inputs that a LUT6 chooses from."""


def _splits(config: AccelConfig) -> int:
    """Ways besides one in which the columns share the channels of a word (`split`)."""
    return config.cols.bit_length() - 1


def _is_wide(config: AccelConfig) -> bool:
    """Whether there are more of them than a LUT6 chooses from."""
    return _splits(config) + 1 > MUX_INPUTS


def _wide_bus(config: AccelConfig) -> int:
    """Bytes of a bus beat that has several words."""
    return config.bus_bytes if config.bus_bytes > config.cols else 0


def _narrow_bus(config: AccelConfig) -> int:
    """Bytes of a word that has several bus beats."""
    return config.cols if config.bus_bytes < config.cols else 0


Term = Callable[[AccelConfig], int]
TERMS: Mapping[str, Term] = {
    "1": lambda config: 1,
    "mac_units": lambda config: config.mac_units,
    "rows": lambda config: config.rows,
    "cols": lambda config: config.cols,
    "wide_cols": lambda config: config.cols * _is_wide(config),
    "mac_splits": lambda config: config.mac_units * _splits(config),
    "wide_macs": lambda config: config.mac_units * _is_wide(config),
    "requant_lanes": lambda config: config.requant_lanes,
    "second_word": lambda config: config.cols * (config.requant_words - 1),
    "address_lanes": lambda config: config.address_lanes,
    "second_lanes": lambda config: config.address_lanes * (config.address_cycles > 1),
    "later_lanes": lambda config: config.address_lanes * max(0, config.address_cycles - 2),
    "line_bytes": lambda config: config.line_bytes,
    "line_words": lambda config: config.line_words,
    "operand_bytes": lambda config: config.rows * config.line_bytes,
    "wide_bus": _wide_bus,
    "narrow_bus": _narrow_bus,
    "queue_depth": lambda config: config.queue_depth,
}
"""Terms by name: products of keys of the configuration, and parts that are there or not."""
LUT_PRODUCTS, CHOSEN_BITS = "lut_products", "chosen_bits"
"""Terms that depend on the target too."""

FORMULAS: Mapping[str, tuple[str, ...]] = {
    "array": ("1", "mac_units", "mac_splits", "wide_macs", "cols", "operand_bytes", LUT_PRODUCTS),
    "requantiser": ("1", "cols", "requant_lanes", "mac_units"),
    "lookup table": ("1", "cols", "requant_lanes"),
    "channel parameters": ("1", "cols", "line_bytes"),
    "drain": ("1", "mac_units", "requant_lanes", "rows"),
    "input addresses": ("1", "address_lanes", "second_lanes", "later_lanes"),
    "line coalescer": ("1", "rows", "address_lanes"),
    "operand store": ("1", "operand_bytes", "mac_units", "rows"),
    "weight store": ("1", "line_bytes", "cols"),
    "execute unit": ("1", "rows"),
    "scratchpad": ("1", "line_bytes", "line_words", "second_word", CHOSEN_BITS),
    "load unit": ("1", "line_bytes", "cols", "wide_cols", "wide_bus", "narrow_bus"),
    "store unit": ("1", "line_bytes", "cols", "wide_bus", "narrow_bus"),
    "command fetch": ("1", "cols"),
    "command queues": ("1", "queue_depth"),
    "registers": ("1",),
}
"""The terms of each unit's LUTs and flip-flops."""


def values(config: AccelConfig, target: str, unit: str) -> dict[str, int]:
    """The values of the terms of a unit on a target, by name."""
    return {name: _value(name, config, target) for name in FORMULAS[unit]}


def _value(name: str, config: AccelConfig, target: str) -> int:
    if name == LUT_PRODUCTS:
        return soft_products(config) if target == ECP5.name else 0
    if name == CHOSEN_BITS:
        return chosen_bits(config, target) if target in SHAPES else 0
    return TERMS[name](config)
