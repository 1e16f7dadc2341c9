"""Sets of a tensor's elements: for each channel, the pixels that are in the set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: Height, width and channels.
Extent = tuple[int, int, int]

#: Pixels, bool [height, width], and the channels, bool [channels], that have all of them.
Part = tuple[np.ndarray, np.ndarray]


def extent(shape: tuple[int, ...]) -> Extent:
    """Height, width and channels of a tensor of batch 1; what stands before them counts as rows."""
    width, channels = (1, *shape)[-2:]
    return math.prod(shape[:-2]), width, channels


@lru_cache(1024)
def every(*shape: int) -> np.ndarray:
    """A read-only bool array that is true everywhere."""
    return np.broadcast_to(np.array(True), shape)


def count(mask: np.ndarray) -> int:
    """Number of true places of the mask."""
    return int(mask.size if not any(mask.strides) else np.count_nonzero(mask))


@dataclass(frozen=True)
class Cells:
    """Elements of a tensor. No channel is in two of the ``parts``, and no part is empty."""

    size: Extent
    parts: tuple[Part, ...]

    @property
    def whole(self) -> bool:
        """Whether every element is in the set."""
        return len(self.parts) == 1 and _whole(self.parts[0])

    @property
    def channels(self) -> np.ndarray:
        """The channels with an element in the set, bool."""
        return _any_of([np.zeros(self.size[2], bool), *(c for _, c in self.parts)])

    @property
    def pixels(self) -> np.ndarray:
        """The pixels with an element in the set, bool [height, width]."""
        return _any_of([np.zeros(self.size[:2], bool), *(p for p, _ in self.parts)])

    def weighed(self, channels: np.ndarray, pixels: np.ndarray | None = None) -> int:
        """The sum over all elements of the product of their channel's and their pixel's weight."""
        total = 0
        for chosen, own in self.parts:
            places = count(chosen) if pixels is None else int(pixels[chosen].sum())
            total += places * int(channels[own].sum())
        return total

    def reshaped(self, size: Extent) -> Cells:
        """The same elements in the same order as a tensor of another size."""
        if self.size == size:
            return self
        if self.whole:
            return everything(size)
        values = np.zeros(self.size, bool)
        for pixels, channels in self.parts:
            values |= pixels[..., None] & channels
        values = values.reshape(size)
        return union(size, ((values[..., i], _only(i, size[2])) for i in range(size[2])))


@lru_cache(1024)
def everything(size: Extent) -> Cells:
    """All elements."""
    return Cells(size, ((every(*size[:2]), every(size[2])),))


def union(size: Extent, parts: Iterable[Part]) -> Cells:
    """The elements that are in one of the parts at least; these may have channels in common."""
    found = []
    for pixels, channels in parts:
        places = count(pixels)
        if places and count(channels):
            found.append((every(*size[:2]) if places == pixels.size else pixels, channels))
    if any(map(_whole, found)):
        return everything(size)
    if len(found) < 2:
        return Cells(size, tuple(found))
    patterns, which = np.unique(np.stack([c for _, c in found]), axis=1, return_inverse=True)
    merged: dict[bytes, Part] = {}
    for number, pattern in enumerate(patterns.T):
        if not pattern.any():
            continue
        masks = [found[i][0] for i in np.flatnonzero(pattern)]
        pixels = np.logical_or.reduce(masks) if len(masks) > 1 else masks[0]
        own = which.reshape(-1) == number
        before = merged.get(pixels.tobytes())
        merged[pixels.tobytes()] = (pixels, own if before is None else own | before[1])
    return Cells(size, tuple(merged.values()))


def kept(
    shape: tuple[int, ...], attrs: Mapping[str, tuple[int, ...]], cells: Cells, size: Extent
) -> list[Part]:
    """The elements of a tensor of ``shape`` that ``cells`` of a strided slice of it are."""
    chosen = np.zeros(shape, bool)
    places = [
        begin + step * np.arange(count)
        for begin, count, step in zip(attrs["begin"], attrs["size"], attrs["step"], strict=True)
    ]
    values = np.zeros(cells.size, bool)
    for pixels, channels in cells.parts:
        values |= pixels[..., None] & channels
    chosen[np.ix_(*places)] = values.reshape(attrs["size"])
    columns = chosen.reshape(-1, size[2])
    if (columns == columns[:, :1]).all():
        return [(columns[:, 0].reshape(size[:2]), every(size[2]))]
    patterns, which = np.unique(columns, axis=1, return_inverse=True)
    return [
        (patterns[:, i].reshape(size[:2]), which.reshape(-1) == i)
        for i in range(patterns.shape[1])
        if patterns[:, i].any()
    ]


def _whole(part: Part) -> bool:
    return not any(part[0].strides) and count(part[1]) == part[1].size


def _any_of(masks: list[np.ndarray]) -> np.ndarray:
    found: np.ndarray = np.logical_or.reduce(masks)
    return found


def _only(channel: int, channels: int) -> NDArray[np.bool_]:
    mask = np.zeros(channels, bool)
    mask[channel] = True
    return mask
