"""The clock at which times are stated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compiler.quantities import clock as read_clock
from hw.spec.config import PRESETS, AccelConfig

PLACED = {"tiny": 53.0, "ecp5": 37.1}
"""MHz of presets after place and route on an LFE5U-85F, speed grade 6: for ``tiny`` the
median of three placements. That of ``ecp5`` is of an earlier and larger netlist (docs/fpga.md)."""
ASSUMED = 100.0
"""MHz of every other machine: a round number, nothing that a chip was found to reach."""


@dataclass(frozen=True)
class Clock:
    """A clock in MHz, and where it comes from."""

    mhz: float
    source: str

    def __str__(self) -> str:
        return f"Times at {self.mhz:g} MHz ({self.source})"

    def milliseconds(self, cycles: int) -> float:
        """The time that cycles take."""
        return cycles / (1e3 * self.mhz)


def placed_mhz(config: AccelConfig) -> float | None:
    """The clock of a machine that was placed and routed, None for any other. The memory is no part
    of what is placed."""
    name = config.name
    if name in PLACED and replace(config, memory=PRESETS[name].memory) == PRESETS[name]:
        return PLACED[name]
    return None


def clock_of(config: AccelConfig, text: str | None = None) -> Clock:
    """The clock that --clock gives as ``text``, or else the machine's. Raises ConfigError."""
    if text is not None:
        return Clock(read_clock(text), "--clock")
    mhz = placed_mhz(config)
    if mhz is not None:
        return Clock(mhz, "placed and routed on ECP5")
    return Clock(ASSUMED, "assumed")
