"""Numbers that options give as text: read in one way, and refused in one line outside of bounds.

The bounds are wider than any machine needs, and so narrow that no figure made of them overflows.
"""

from __future__ import annotations

import math
import re

from compiler.errors import ConfigError, show

CLOCKS = (1e-6, 1e6)
"""Least and greatest clock of an accelerator, in MHz."""
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+(_[0-9a-fA-F]+)*|[0-9]+")
"""Addresses as people write them: in hexadecimal, in groups if they like, or in decimal digits."""
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""Numbers as people write them. Python's own take digits of all scripts, spaces and underscores."""


def clock(text: str, option: str = "--clock") -> float:
    """A clock in MHz. Raises ConfigError."""
    return real(text, option, *CLOCKS, "MHz")


def real(text: str, option: str, least: float, most: float, unit: str) -> float:
    """The number that ``text`` writes: digits with a point or an exponent, and nothing else.

    Raises ConfigError unless it is from ``least`` to ``most``. ``unit`` is what the message calls
    it.
    """
    value = float(text) if _REAL.fullmatch(text) else math.nan
    if not least <= value <= most:
        raise ConfigError(f"{option} {show(text)}; {least:g} to {most:g} {unit} is accepted")
    return value


def address(text: str, option: str, multiple: int, limit: int) -> int:
    """An address below ``limit``, hexadecimal (0x4000_0000) or decimal. Raises ConfigError unless
    it is a multiple of ``multiple``."""
    value = int(text, 0 if text[:2] in ("0x", "0X") else 10) if _ADDRESS.fullmatch(text) else limit
    if value >= limit or value % multiple:
        raise ConfigError(
            f"{option} {show(text)}; a multiple of {multiple} from 0 to {limit - multiple:#x} is "
            "accepted"
        )
    return value


def is_whole(text: str) -> bool:
    """Whether the text is a whole number in ASCII digits, of a length that any option takes."""
    return _WHOLE.fullmatch(text) is not None


def whole(text: str, option: str, least: int, most: int) -> int:
    """Likewise a whole number. Raises ConfigError for anything else."""
    value = int(text) if is_whole(text) else least - 1
    if not least <= value <= most:
        raise ConfigError(
            f"{option} {show(text)}; a whole number from {least} to {most} is accepted"
        )
    return value
