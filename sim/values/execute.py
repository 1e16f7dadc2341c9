"""EXECUTE: the multiply-accumulates of every output pixel, then the post-processor.

Sums of up to EXACT_CHANNELS products of two int8 values are exact in float32, so convolutions run
as matrix products of that depth, one for each group of a word's channels, whose results are added
as int32. Depthwise kernels and maxima go tap by tap.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hw.spec.records import CHANNEL_PARAMETERS
from sim.values.memories import State
from sim.values.operands import Operands, Window
from sim.values.requantise import add_residual, requantise

EXACT_CHANNELS = 1024
"""Products of at most 2**14 each whose sum float32 holds exactly."""
CHUNK_OPERANDS = 1 << 24
"""float32 operands held at once (64 MiB)."""
CHUNK_RESULTS = 1 << 19
"""Accumulators of a chunk of pixels; the requantiser's int64 intermediates stay in cache."""


def execute(state: State, fields: dict[str, int]) -> None:
    """Execute an EXECUTE; results are written after every operand has been read.

    Raises AccessError, before anything is written, when a word lies beyond the scratchpad.
    """
    task = _Task(state, fields)
    places = state.scratchpad_index(task.places("out_addr", "out_plane"))
    results = np.empty((fields["pixels"], task.planes, state.config.cols), np.int8)
    for blocks in task.block_groups():
        planes = task.plane_range(blocks)
        weights = task.weights(blocks)
        for pixels in task.pixel_chunks(len(planes)):
            acc = task.accumulate(blocks, pixels, weights)
            finished = task.finish(acc[:, : len(planes)], pixels, planes)
            results[pixels.start : pixels.stop, planes.start : planes.stop] = finished
    state.scratchpad[places] = results


class _Task:
    """One EXECUTE: its fields with the geometry that follows from them."""

    def __init__(self, state: State, fields: dict[str, int]) -> None:
        self.state = state
        self.fields = fields
        self.cols, self.line_words = state.config.cols, state.config.line_words
        self.operands = Operands(state, fields)
        self.window = lru_cache(maxsize=1)(self.operands.window)
        self.block_planes = 1 << fields["array_shape"]
        self.planes = (fields["out_blocks"] - 1) * self.block_planes + fields["last_planes"]
        self.depthwise = self.operands.width == 1
        self.params = self._params()
        self.table = self._table()
        self.second = None
        if fields["residual"]:
            self.second = state.scratchpad_index(self.places("res_addr", "res_plane"))

    def places(self, base: str, plane_step: str) -> np.ndarray:
        """Word addresses of the results, or of the second operand: ``[pixels, planes]``."""
        f = self.fields
        row, col = np.divmod(np.arange(f["pixels"]), f["out_width"])
        within = row * (f["out_width"] + f["out_skip"]) + col
        return f[base] + within[:, None] + np.arange(self.planes) * f[plane_step]

    def block_groups(self) -> Iterator[range]:
        """Ranges of output blocks that read the same operands."""
        if self.fields["in_block_step"] == 0:
            yield range(self.fields["out_blocks"])
        else:
            for block in range(self.fields["out_blocks"]):
                yield range(block, block + 1)

    def plane_range(self, blocks: range) -> range:
        """Planes of the output that ``blocks`` make."""
        return range(
            blocks.start * self.block_planes, min(blocks.stop * self.block_planes, self.planes)
        )

    def pixel_chunks(self, planes: int) -> Iterator[range]:
        """Ranges of pixels small enough for the working memory."""
        depth = min(self.operands.tap_groups * self.cols, EXACT_CHANNELS)
        size = max(1, min(CHUNK_RESULTS // (planes * self.cols), CHUNK_OPERANDS // depth))
        total = self.fields["pixels"]
        for first in range(0, total, size):
            yield range(first, min(first + size, total))

    def weights(self, blocks: range) -> np.ndarray | None:
        """Weights of ``blocks``: ``[tap_groups, channels, planes, cols]``.

        ``planes`` are those of all blocks in turn. ``channels`` are those of a group, with zeros
        beyond a step's last channel; the type is the one that they are multiplied in. None for
        maxima.
        """
        if self.fields["maximum"]:
            return None
        tap_groups = self.operands.tap_groups
        counts = [self.operands.channels(tap_group) for tap_group in range(tap_groups)]
        deep = self.operands.width
        used = np.arange(deep) < np.array(counts)[:, None]
        planes = len(blocks) * self.block_planes
        dtype = np.int32 if self.depthwise else np.float32
        full = np.zeros((tap_groups, deep, planes, self.cols), dtype)
        if self.fields["ones"]:
            full[used] = 1
            return full
        length = sum(counts) * self.block_planes
        for place, block in enumerate(blocks):
            line = self.fields["weight_addr"] + block * self.fields["weight_lines"]
            words = self.state.words(line * self.line_words, length)
            words = words.reshape(-1, self.block_planes, self.cols)
            full[:, :, place * self.block_planes : (place + 1) * self.block_planes][used] = words
        return full

    def accumulate(self, blocks: range, pixels: range, weights: np.ndarray | None) -> np.ndarray:
        """Accumulators: int32 ``[pixels, planes, cols]``, all planes of ``blocks``."""
        window = self.window(pixels)
        shape = (len(pixels), len(blocks) * self.block_planes, self.cols)
        if weights is None:
            return np.broadcast_to(self._maximum(window, blocks.start), shape)
        if self.depthwise:
            return self._by_word(window, blocks.start, weights, shape)
        return self._product(window, blocks.start, weights, shape)

    def finish(self, acc: np.ndarray, pixels: range, planes: range) -> np.ndarray:
        """Results of accumulators ``[pixels, planes, cols]``, int8 of the same shape."""
        params = self.params[:, planes.start : planes.stop]
        value = requantise(acc, params, self.fields)
        if self.second is not None:
            places = self.second[pixels.start : pixels.stop, planes.start : planes.stop]
            value = add_residual(value, self.state.scratchpad[places].astype(np.int64), self.fields)
        if self.table is not None:
            looked_up: NDArray[np.int8] = self.table[value + 128]
            return looked_up
        return value.astype(np.int8)

    def _params(self) -> np.ndarray:
        """The channel parameters in their order: int64 ``[4, planes, cols]``."""
        count = self.state.config.param_lines * self.line_words
        first = self.fields["param_addr"] * self.line_words
        words = self.state.words(first, count * self.planes).reshape(self.planes, count, self.cols)
        found, end = [], 0
        for parameter in CHANNEL_PARAMETERS:
            first, end = end, end + parameter.words
            slots = np.ascontiguousarray(words[:, first:end]).reshape(self.planes, -1)
            values = slots.view(parameter.dtype).astype(np.int64)
            found.append(values if parameter.signed else values & parameter.high)
        return np.stack(found)

    def _table(self) -> NDArray[np.int8] | None:
        if not self.fields["table"]:
            return None
        words = self.state.words(self.fields["table_addr"], self.state.config.table_words)
        return words.reshape(-1).copy()

    def _product(
        self, window: Window, block: int, weights: np.ndarray, shape: tuple[int, int, int]
    ) -> np.ndarray:
        pixels, planes, cols = shape
        width, groups = self.operands.width, cols // self.operands.width
        acc = np.zeros((groups, pixels, planes * width), np.int32)
        size = EXACT_CHANNELS // width
        for first in range(0, len(weights), size):
            tap_groups = range(first, min(first + size, len(weights)))
            words = self.operands.gather(window, tap_groups, block).astype(np.float32)
            left = words.reshape(pixels, len(tap_groups), groups, width).transpose(2, 0, 1, 3)
            right = weights[tap_groups.start : tap_groups.stop].reshape(-1, planes, groups, width)
            factors = right.transpose(2, 0, 1, 3).reshape(groups, len(tap_groups) * width, -1)
            acc += (left.reshape(groups, pixels, -1) @ factors).astype(np.int32)
        return acc.reshape(groups, pixels, planes, width).transpose(1, 2, 0, 3).reshape(shape)

    def _by_word(
        self, window: Window, block: int, weights: np.ndarray, shape: tuple[int, int, int]
    ) -> np.ndarray:
        acc = np.zeros(shape, np.int32)
        words = self.operands.gather(window, range(len(weights)), block)
        for tap_group in range(len(weights)):
            acc += words[:, tap_group, None].astype(np.int32) * weights[tap_group]
        return acc

    def _maximum(self, window: Window, block: int) -> np.ndarray:
        """The largest operands: int32 ``[pixels, 1, cols]``."""
        best = None
        words = self.operands.gather(window, range(self.operands.tap_groups), block)
        for tap_group in range(self.operands.tap_groups):
            groups = words[:, tap_group].reshape(len(words), 1, -1, self.operands.width)
            largest = groups[..., : self.operands.channels(tap_group)].max(axis=3)
            best = largest if best is None else np.maximum(best, largest)
        assert best is not None
        return np.repeat(best, self.operands.width, axis=2).astype(np.int32)
