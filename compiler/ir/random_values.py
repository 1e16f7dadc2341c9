"""Random values that follow from a text alone, the same on every machine."""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache

import numpy as np


def uniform_bytes(key: str, count: int) -> np.ndarray:
    """Bytes of equal likelihood, uint8 ``[count]``."""
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "little")
    words = np.random.PCG64(seed).random_raw(-(-count // 8))
    return words.astype("<u8").view(np.uint8)[:count]


def nearly_normal(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Nearly normal values of deviation 1, float32: the centred sum of four uniform bytes each."""
    count = math.prod(shape)
    sums = uniform_bytes(key, 4 * count).reshape(count, 4).sum(axis=1, dtype=np.int16) - 510
    deviation = np.float32(math.sqrt(4 * (256**2 - 1) / 12))
    values: np.ndarray = sums.astype(np.float32) / deviation
    return values.reshape(shape)


@lru_cache(maxsize=1 << 14)
def uniform_pair(key: str) -> tuple[float, float]:
    """Two numbers from 0 to less than 1."""
    low, high = uniform_bytes(key, 2) / 256
    return float(low), float(high)
