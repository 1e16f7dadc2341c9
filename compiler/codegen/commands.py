"""Commands before encoding: their fields, and the words that they read and write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hw.spec.isa import Opcode

CONSTANTS = "\0constants"
"""The memory that weights, parameters and tables come from: not the name of a map, since names are
printable."""


class Span(NamedTuple):
    """``rows`` rows of ``length`` words, ``stride`` words apart, from word ``base`` on."""

    base: int
    length: int
    rows: int = 1
    stride: int = 0

    def moved(self, words: int) -> Span:
        """The same words, ``words`` further on."""
        return Span(self.base + words, self.length, self.rows, self.stride)

    def simplified(self) -> Span:
        """The same words with as few rows as possible."""
        if self.rows == 1 or self.stride == self.length:
            return Span(self.base, self.length * self.rows)
        return self

    def words(self) -> slice | np.ndarray:
        """An index of the words in an array of all."""
        span = self.simplified()
        if span.rows == 1:
            return slice(span.base, span.base + span.length)
        rows = span.base + span.stride * np.arange(span.rows)
        return (rows[:, None] + np.arange(span.length)).ravel()

    def __str__(self) -> str:
        if self.rows == 1:
            return f"{self.base}+{self.length}"
        return f"{self.base}+{self.length} x{self.rows} every {self.stride}"


@dataclass(slots=True)
class Command:
    """One command.

    ``scratchpad_reads`` and ``scratchpad_writes`` are spans of scratchpad words. ``memory`` names
    the map or CONSTANTS that the command moves, and ``memory_span`` its words there (counted from
    the map's first); ``dram_addr`` and ``dram_stride`` of ``fields`` count bytes from there as well
    until ``codegen.program`` knows the addresses. ``waits`` are counts of LOADs, EXECUTEs, STOREs.
    """

    opcode: Opcode
    layer: int
    text: str
    fields: dict[str, int] = field(default_factory=dict)
    scratchpad_reads: tuple[Span, ...] = ()
    scratchpad_writes: tuple[Span, ...] = ()
    memory: str = ""
    memory_span: Span | None = None
    waits: tuple[int, int, int] = (0, 0, 0)

    @property
    def all_fields(self) -> dict[str, int]:
        """The fields with those of the waits."""
        load, execute, store = self.waits
        waits = {"wait_load": load, "wait_execute": execute, "wait_store": store}
        return {**self.fields, **waits}

    def __str__(self) -> str:
        names = zip(("load", "execute", "store"), self.waits, strict=True)
        waits = ", ".join(f"{name} {count}" for name, count in names if count)
        return f"{self.opcode.name:7} {self.text}" + (f"  after {waits}" if waits else "")
