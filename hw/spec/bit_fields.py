"""Bit fields of 32-bit words: each takes the lowest free bits of the first word with room for it.

A field never crosses a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

WORD_BITS = 32


@dataclass(frozen=True)
class Field:
    """A bit field: its place in the command, and what it means."""

    name: str
    width: int
    doc: str
    signed: bool = False
    word: int = 0
    lsb: int = 0

    @property
    def bit(self) -> int:
        """Position of the least significant bit in the whole command."""
        return self.word * WORD_BITS + self.lsb

    @property
    def low(self) -> int:
        """Lowest value."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Highest value."""
        return (1 << (self.width - self.signed)) - 1


def place_fields(*rows: tuple[Any, ...]) -> tuple[Field, ...]:
    """Put each field, in order, into the first word that has room after the fields already
    there."""
    fields: list[Field] = []
    used: list[int] = []
    for name, width, doc in rows:
        signed, width = width < 0, abs(width)
        word = next((i for i, bits in enumerate(used) if bits + width <= WORD_BITS), len(used))
        if word == len(used):
            used.append(0)
        fields.append(Field(name, width, doc, signed, word, used[word]))
        used[word] += width
    return tuple(fields)
