"""Caches before a call: warm from the repeat before, or emptied by a pass over a large buffer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

#: Bytes of the buffer at least, and how many times the device's largest cache.
_LEAST, _TIMES = 1 << 26, 4
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


@dataclass(frozen=True)
class Cold:
    """Reads and writes a buffer on the device when called, so that what was cached goes to memory.

    It is done when the call returns, and in no time that is measured afterwards.
    """

    buffer: torch.Tensor

    def __call__(self) -> None:
        """Pass the buffer through the caches."""
        self.buffer.add_(1)
        if self.buffer.is_cuda:
            torch.cuda.synchronize()

    @property
    def nbytes(self) -> int:
        """Bytes that pass through the caches."""
        return self.buffer.nbytes


def cold(device: str) -> Cold:
    """The buffer of a device, several times as large as its largest cache."""
    size = max(_LEAST, _TIMES * largest_cache(device))
    return Cold(torch.zeros(size // 4, dtype=torch.int32, device=device))


def largest_cache(device: str) -> int:
    """Bytes of a GPU's L2, or of the CPU's largest cache as Linux gives it; 0 where unknown."""
    if device == "cuda":
        return torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    sizes = [path.read_text().strip() for path in _CACHES.glob("index*/size")]
    return max((_bytes(size) for size in sizes), default=0)


def _bytes(text: str) -> int:
    unit = _UNITS.get(text[-1:])
    return int(text[:-1]) * unit if unit else int(text)
