"""Units that leave digits before the point, for small networks and large ones."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Units = Sequence[tuple[str, float]]
"""Names and sizes of units, the largest first."""

COUNTS: Units = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))
BYTES: Units = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0))
MILLISECONDS: Units = (("s", 1e3), ("ms", 1.0), ("us", 1e-3))
MICROJOULES: Units = (("mJ", 1e3), ("uJ", 1.0), ("nJ", 1e-3))


def unit_of(values: Iterable[float], units: Units) -> tuple[str, float]:
    """The largest unit that the greatest of the values reaches, or else the smallest one."""
    greatest = max(values, default=0.0)
    return next((unit for unit in units if greatest >= unit[1]), units[-1])


def digits(value: float) -> str:
    """The value with three significant digits, and all of those before the point."""
    if value == 0:
        return "0"
    return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def in_unit(value: float, units: Units) -> str:
    """One value with its own unit."""
    name, size = unit_of([value], units)
    return f"{digits(value / size)} {name}".rstrip()
