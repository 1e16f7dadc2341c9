"""Numbers that options give as text: read in one way, and refused in one line outside of bounds.

The bounds are wider than any machine needs, and so narrow that no figure made of them overflows.
"""

from __future__ import annotations

import math

from compiler.errors import ConfigError, show

CLOCKS = (1e-6, 1e6)
"""Least and greatest clock of an accelerator, in MHz."""


def clock(text: str, option: str = "--clock") -> float:
    """A clock in MHz. Raises ConfigError."""
    return real(text, option, *CLOCKS, "MHz")


def real(text: str, option: str, least: float, most: float, unit: str) -> float:
    """The number that ``text`` writes. Raises ConfigError unless it is from ``least`` to ``most``.

    ``unit`` is what the message calls it.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ConfigError(f"{option} {show(text)}; {least:g} to {most:g} {unit} is accepted")
    return value


def whole(text: str, option: str, least: int, most: int) -> int:
    """Likewise a whole number."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise ConfigError(
            f"{option} {show(text)}; a whole number from {least} to {most} is accepted"
        )
    return value
