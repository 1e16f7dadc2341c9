"""Tensors in external memory: where they lie, and how their bytes become the model's layout."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FLIP = np.uint8(0x80)
"""The bit in which a uint8 value and the int8 value that stands for it differ."""


@dataclass(frozen=True)
class Place:
    """A tensor in external memory.

    ``shape`` and ``dtype`` are the model's. ``plane_bytes`` is 0 for its own bytes,
    channels last. Otherwise it lies there as pixels of ``channels`` channels, in planes of words,
    ``plane_bytes`` from one plane to the next, with the top bit inverted where ``flip`` (uint8
    values as the machine's int8).
    """

    shape: tuple[int, ...]
    dtype: str
    address: int
    channels: int = 1
    plane_bytes: int = 0
    flip: bool = False

    def nbytes(self, cols: int) -> int:
        """Bytes from the first to the end of the last one, with words of ``cols`` bytes."""
        values = math.prod(self.shape)
        if not self.plane_bytes:
            return values * np.dtype(self.dtype).itemsize
        planes = -(-self.channels // cols)
        return (planes - 1) * self.plane_bytes + values // self.channels * cols

    def write(self, memory: np.ndarray, values: np.ndarray, cols: int) -> None:
        """Put ``values``, of the tensor's shape and type, into ``memory`` (uint8)."""
        data = np.ascontiguousarray(values).view(np.uint8)
        if not self.plane_bytes:
            memory[self.address : self.address + data.size] = data.ravel()
            return
        pixels = data.reshape(-1, self.channels) ^ self._flipped
        for plane, first in enumerate(range(0, self.channels, cols)):
            part = pixels[:, first : first + cols]
            self._words(memory, plane, cols)[:, : part.shape[1]] = part

    def read(self, memory: np.ndarray, cols: int) -> np.ndarray:
        """The tensor's values in ``memory`` (uint8), in its shape and type."""
        if not self.plane_bytes:
            size = math.prod(self.shape) * np.dtype(self.dtype).itemsize
            data = memory[self.address : self.address + size].copy()
            return data.view(self.dtype).reshape(self.shape)
        planes = range(-(-self.channels // cols))
        words = np.concatenate([self._words(memory, plane, cols) for plane in planes], axis=1)
        pixels = np.ascontiguousarray(words[:, : self.channels]) ^ self._flipped
        return pixels.view(self.dtype).reshape(self.shape)

    @property
    def _flipped(self) -> np.uint8:
        """The bits of a byte that differ in memory."""
        return np.uint8(FLIP if self.flip else 0)

    def _words(self, memory: np.ndarray, plane: int, cols: int) -> np.ndarray:
        first = self.address + plane * self.plane_bytes
        pixels = math.prod(self.shape) // self.channels
        return memory[first : first + pixels * cols].reshape(pixels, cols)
