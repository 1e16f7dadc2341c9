"""Resources of a configuration on an FPGA: LUTs and flip-flops from formulas, the rest exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hw.spec.config import AccelConfig
from hw.tools.area.hard_blocks import MULTIPLIERS, block_rams
from hw.tools.area.terms import FORMULAS, values

FITTED = Path(__file__).with_name("fitted.json")
"""Coefficients of the formulas, by target; ``python -m tests.benchmarks.areas fit`` writes them."""
LOGIC = ("luts", "flip_flops")
"""Resources with formulas."""


@dataclass(frozen=True)
class Estimate:
    """Resources of a configuration on one target.

    ``units`` has LUTs and flip-flops by unit. ``error`` is the median and the greatest error of the
    LUTs of configurations that no coefficient was fitted to, in percent; ``fitted_macs`` the most
    MAC units of those that it was.
    """

    resources: dict[str, int]
    units: dict[str, dict[str, int]]
    error: tuple[float, float]
    fitted_macs: int


@cache
def fitted() -> dict[str, dict[str, Any]]:
    """Coefficients and their errors, by target."""
    found: dict[str, dict[str, Any]] = json.loads(FITTED.read_text(encoding="utf-8"))
    return found


def unit_sums(config: AccelConfig, target: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Resources of each unit by the formulas of a target."""
    known = fitted()[target]
    return {
        unit: {name: _sum(known[name][unit], values(config, target, unit)) for name in names}
        for unit in FORMULAS
    }


def _sum(coefficients: Mapping[str, float], terms: Mapping[str, int]) -> int:
    return round(sum(coefficients[name] * value for name, value in terms.items()))


def estimate(config: AccelConfig, target: str) -> Estimate:
    """The resources of a configuration on an FPGA, by the name of the target."""
    known, units = fitted()[target], unit_sums(config, target, LOGIC)
    return Estimate(
        {
            "multipliers": MULTIPLIERS[target](config),
            **{name: sum(unit[name] for unit in units.values()) for name in LOGIC},
            "block_rams": block_rams(config, target),
        },
        units,
        (known["median_error"], known["worst_error"]),
        known["fitted_macs"],
    )
