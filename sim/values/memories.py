"""The memories that commands read and write: external memory with its address ranges, and the
scratchpad."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compiler.errors import Failure
from hw.spec.config import AccelConfig
from hw.spec.isa import SCRATCHPAD_ADDR_BITS
from hw.spec.regs import FAULT_DOC, Fault
from hw.spec.timing import BURST_BOUNDARY

SCRATCHPAD_ADDRESS_MASK = (1 << SCRATCHPAD_ADDR_BITS) - 1
"""Word addresses of the scratchpad are computed modulo 2**20."""


class CommandFault(Failure):
    """A command did what the machine stops for. ``index`` is its number in the program."""

    def __init__(self, fault: Fault, index: int, detail: str = "") -> None:
        text = f"fault {fault.name} at command {index}: {FAULT_DOC[fault]}"
        super().__init__(f"{text}; {detail}" if detail else text)
        self.fault = fault
        self.index = index


class AccessError(Exception):
    """An access outside a memory; the caller adds the command's index."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


@dataclass(frozen=True)
class AddressRanges:
    """Byte ranges ``[base, limit)`` of external memory that a program may read, and write."""

    read_base: int
    read_limit: int
    write_base: int
    write_limit: int

    def allows(self, begin: int, end: int, write: bool) -> bool:
        """Whether the bytes ``[begin, end)`` lie in one address range that permits the access."""
        if self.write_base <= begin and end <= self.write_limit:
            return True
        return not write and self.read_base <= begin and end <= self.read_limit


class State:
    """Scratchpad and external memory during a run.

    ``scratchpad`` is int8 ``[scratchpad_words, cols]``; ``memory`` is uint8, a whole number
    of words: the memory given, copied, and extended with zeros to cover the address ranges.
    """

    def __init__(
        self, config: AccelConfig, memory: np.ndarray, address_ranges: AddressRanges
    ) -> None:
        self.config = config
        self.address_ranges = address_ranges
        self.scratchpad = np.zeros((config.scratchpad_words, config.cols), np.int8)
        size = max(len(memory), address_ranges.read_limit, address_ranges.write_limit)
        self.memory = np.zeros(-(-size // config.cols) * config.cols, np.uint8)
        self.memory[: len(memory)] = memory

    def check_row(self, begin: int, size: int, write: bool) -> None:
        """Raise AccessError unless each burst of the row of ``size`` bytes lies in an address
        range."""
        word = self.config.cols
        end = -(-(begin + size) // word) * word
        address = begin // word * word
        if self.address_ranges.allows(address, end, write):
            return
        while address < end:
            boundary = address // BURST_BOUNDARY * BURST_BOUNDARY + BURST_BOUNDARY
            stop = min(end, boundary, address + self.config.burst_words * word)
            if not self.address_ranges.allows(address, stop, write):
                raise AccessError(Fault.ADDRESS_RANGE)
            address = stop

    def scratchpad_index(self, address: NDArray[np.int64]) -> NDArray[np.int64]:
        """Word addresses reduced to the address width. Raises AccessError beyond the scratchpad."""
        index = np.bitwise_and(address, SCRATCHPAD_ADDRESS_MASK)
        if index.size and int(index.max()) >= self.config.scratchpad_words:
            raise AccessError(Fault.SCRATCHPAD_RANGE)
        return index

    def scratchpad_range(self, first: int, count: int) -> slice | np.ndarray:
        """Index of ``count`` words from word address ``first`` on. Raises AccessError as
        ``scratchpad_index`` does."""
        first &= SCRATCHPAD_ADDRESS_MASK
        if first + count <= self.config.scratchpad_words:
            return slice(first, first + count)
        return self.scratchpad_index(np.arange(first, first + count))

    def words(self, first: int, count: int) -> np.ndarray:
        """``count`` consecutive words of the scratchpad, int8 ``[count, cols]``. Raises
        AccessError."""
        if first + count > self.config.scratchpad_words:
            raise AccessError(Fault.SCRATCHPAD_RANGE)
        return self.scratchpad[first : first + count]
