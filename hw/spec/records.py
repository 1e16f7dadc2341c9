"""Layout of the channel parameters in the scratchpad: plain data, as ``isa`` has that of commands.

The gateware, the simulator, the compiler and docs/isa.md derive from this table.
"""

from __future__ import annotations

from typing import NamedTuple


class Parameter(NamedTuple):
    """One requantisation parameter of each channel of a plane."""

    name: str
    slot: int
    """Bits from one channel's value to the next: 8 or 32."""
    bits: int
    """Bits that the machine reads, the low ones of the slot."""
    signed: bool
    doc: str

    @property
    def low(self) -> int:
        """Smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def words(self) -> int:
        """Scratchpad words that hold the values of a plane, whatever ``cols`` is."""
        return self.slot // 8

    @property
    def dtype(self) -> str:
        """The slot as NumPy spells it, little-endian."""
        return f"<{'i' if self.signed else 'u'}{self.slot // 8}"


CHANNEL_PARAMETERS = (
    Parameter("bias", 32, 32, True, "Added to the sum of the products."),
    Parameter("multiplier", 32, 31, False, "Multiplies, in units of 2^-31."),
    Parameter("left", 8, 5, False, "Shifts left before the multiplication."),
    Parameter("right", 8, 5, False, "Shifts right after it, rounding."),
)
"""In the order in which they lie in the scratchpad, each for all channels of the plane."""

PARAM_WORDS = sum(parameter.words for parameter in CHANNEL_PARAMETERS)
"""Words of channel parameters of one plane, before they are padded to whole lines."""


def parameter(name: str) -> Parameter:
    """The channel parameter of that name. Raises StopIteration for another name."""
    return next(p for p in CHANNEL_PARAMETERS if p.name == name)
