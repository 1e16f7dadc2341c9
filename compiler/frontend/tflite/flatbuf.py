"""A FlatBuffers reader that checks every offset against the file before it reads.

The generated accessors of the schema verify nothing: a corrupted offset there reads elsewhere in
the file, or from its end. Layout: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Longest accepted name or description, in bytes.
MAX_STRING = 4096


class FlatbufferError(ValueError):
    """An offset, a count or a string does not fit the file."""


def _unpack(data: bytes, layout: str, at: int) -> Any:
    """One little-endian scalar of ``struct`` layout ``layout`` at byte ``at``."""
    if at < 0 or at + struct.calcsize("<" + layout) > len(data):
        raise FlatbufferError(f"offset {at} lies outside the file's {len(data)} bytes")
    return struct.unpack_from("<" + layout, data, at)[0]


@dataclass(frozen=True)
class Table:
    """A table at byte ``at`` of the file. Fields are addressed by slot, counted from 0 as in the
    schema; an absent field reads as its default. All methods raise FlatbufferError."""

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The table that the file's first word points to."""
        return cls(data, int(_unpack(data, "I", 0)))

    def slots(self) -> int:
        """Fields that the table's writer knew of, present or not."""
        return (int(_unpack(self.data, "H", self._vtable())) - 4) // 2

    def _vtable(self) -> int:
        return self.at - int(_unpack(self.data, "i", self.at))

    def _field(self, slot: int) -> int | None:
        """Byte position of a field, or None when the table leaves it out."""
        vtable = self._vtable()
        entry = 4 + 2 * slot
        if entry + 2 > int(_unpack(self.data, "H", vtable)):
            return None
        offset = int(_unpack(self.data, "H", vtable + entry))
        return self.at + offset if offset else None

    def _target(self, slot: int) -> int | None:
        """Byte position that the reference in a field points to."""
        field = self._field(slot)
        return None if field is None else field + int(_unpack(self.data, "I", field))

    def has(self, slot: int) -> bool:
        """Whether the table holds the field."""
        return self._field(slot) is not None

    def scalar(self, slot: int, layout: str, default: int | float | bool = 0) -> Any:
        """A scalar field of ``struct`` layout ``layout``."""
        field = self._field(slot)
        return default if field is None else _unpack(self.data, layout, field)

    def table(self, slot: int) -> Table | None:
        """A table field."""
        target = self._target(slot)
        return None if target is None else Table(self.data, target)

    def vector(self, slot: int, dtype: str) -> np.ndarray:
        """A vector of scalars as a read-only view of the file, ``[count]``; empty when absent."""
        start, count = self._vector(slot, np.dtype(dtype).itemsize)
        return np.frombuffer(self.data, np.dtype(dtype).newbyteorder("<"), count, start)

    def string(self, slot: int) -> str:
        """A UTF-8 string; empty when absent. Raises FlatbufferError beyond ``MAX_STRING`` bytes."""
        start, count = self._vector(slot, 1)
        if count > MAX_STRING:
            raise FlatbufferError(f"a string of {count} bytes; at most {MAX_STRING} are accepted")
        return self.data[start : start + count].decode("utf-8")

    def count(self, slot: int) -> int:
        """Entries of a vector of tables; 0 when absent."""
        return self._vector(slot, 4)[1]

    def entry(self, slot: int, index: int) -> Table:
        """Entry ``index`` of a vector of tables. Raises FlatbufferError where there is none."""
        start, count = self._vector(slot, 4)
        if not 0 <= index < count:
            raise FlatbufferError(f"index {index} into a vector of {count}")
        at = start + 4 * index
        return Table(self.data, at + int(_unpack(self.data, "I", at)))

    def _vector(self, slot: int, item_bytes: int) -> tuple[int, int]:
        """First byte and count of a vector, which fits the file."""
        target = self._target(slot)
        if target is None:
            return 0, 0
        count = int(_unpack(self.data, "I", target))
        start = target + 4
        if count * item_bytes > len(self.data) - start:
            raise FlatbufferError(f"a vector of {count} entries does not fit the file")
        return start, count
