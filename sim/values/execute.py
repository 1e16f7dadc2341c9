"""EXECUTE: the multiply-accumulates of every output pixel, then the post-processor.

Sums of up to EXACT_CHANNELS products of two int8 values are exact in float32, so convolutions run
as matrix products of that depth, one for each group of a word's channels, whose results are added
as int32. Depthwise kernels and maxima go tap by tap.

Results of a pixel are a row of all planes' channels, but those of depthwise kernels and maxima are
made plane by plane: ``[outer, pixels, channels]`` with one outer row, or one for each plane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hw.spec.records import CHANNEL_PARAMETERS
from hw.spec.regs import Fault
from sim.values.memories import AccessError, State
from sim.values.operands import (
    TILE,
    WINDOW_FIELDS,
    by_word,
    gather,
    places,
    scatter,
    spread,
    windows,
)
from sim.values.requantise import POST_FIELDS, finish

EXACT_CHANNELS = 1024
"""Products of at most 2**14 each whose sum float32 holds exactly."""
CHUNK = 1 << 20
"""Operands, and accumulators, of a chunk of pixels, about (4 MiB each)."""


def execute(states: Sequence[State], fields: dict[str, int]) -> None:
    """Execute an EXECUTE on states of one machine, which differ in their data.

    Results are written after every operand has been read. Raises AccessError, before anything is
    written, when a word lies beyond the scratchpad.
    """
    task = _Task(states[0], fields)
    alike = [state for state in states if task.is_for(state)]
    made = task.results(alike)
    for state in states:
        if not task.is_for(state):
            execute([state], fields)
    for state, results in zip(alike, made, strict=True):
        scatter(_pieces(state.scratchpad), task.found, _pieces(results))


class _Task:
    """One EXECUTE: its fields with the geometry that follows from them, and what it reads of
    weights, parameters and table in the scratchpad of ``state``."""

    def __init__(self, state: State, fields: dict[str, int]) -> None:
        self.state = state
        self.fields = fields
        self.cols = state.config.cols
        self.taps = (fields["tap_groups"] - 1) * fields["group_taps"] + fields["last_taps"]
        self.kernel = fields["kernel_rows"] * self.taps
        self.steps = fields["in_blocks"] * self.kernel
        self.full = self.steps - self.kernel
        self.width = state.config.cols >> fields["split"]
        self.product = self.width > 1 and not fields["maximum"]
        self.block_planes = 1 << fields["array_shape"]
        self.planes = (fields["out_blocks"] - 1) * self.block_planes + fields["last_planes"]
        self.found = self._places("out_addr", "out_plane")
        self.second = self._places("res_addr", "res_plane") if fields["residual"] else None
        self.constants: list[slice] = []
        self.params = self._params()
        self.table = self._table()
        self.source, self.first, self.block_words = self._weights()
        self.window = self._values(WINDOW_FIELDS)
        self.post = self._values(POST_FIELDS)

    def is_for(self, state: State) -> bool:
        """Whether weights, parameters and table are the same in another state."""
        if state is self.state:
            return True
        mine, other = _pieces(self.state.scratchpad), _pieces(state.scratchpad)
        return all(np.array_equal(mine[part], other[part]) for part in self.constants)

    def results(self, states: Sequence[State]) -> list[np.ndarray]:
        """The results in each state, int8 ``[pixels, planes, cols]``. Raises AccessError."""
        shape = (*self.found.shape, self.cols)
        made = [np.empty(shape, np.int8) for _ in states]
        for blocks in self._block_groups():
            self._compute(blocks, states, made)
        return made

    def _places(self, base: str, plane_step: str) -> np.ndarray:
        """Word addresses of the results, or of the second operand: ``[pixels, planes]``.

        Raises AccessError.
        """
        f = self.fields
        found = np.empty((f["pixels"], self.planes), np.int64)
        geometry = (f[base], f[plane_step], f["out_width"], f["out_skip"])
        _check(places(*geometry, self.state.config.scratchpad_words, found))
        return found

    def _block_groups(self) -> Iterator[range]:
        """Ranges of output blocks that are computed at once: those of one matrix product read the
        same operands."""
        if self.fields["in_block_step"] == 0 or not self.product:
            yield range(self.fields["out_blocks"])
        else:
            for block in range(self.fields["out_blocks"]):
                yield range(block, block + 1)

    def _compute(
        self, blocks: range, states: Sequence[State], results: Sequence[np.ndarray]
    ) -> None:
        """Put the results of ``blocks`` into their planes."""
        first, end = (block * self.block_planes for block in (blocks.start, blocks.stop))
        planes = slice(first, min(end, self.planes))
        count = planes.stop - planes.start
        factors = self._factors(blocks)[..., : count * self.width] if self.product else None
        firsts = self._firsts(blocks)
        params = self._tiled(planes)
        for pixels in self._pixel_chunks(len(blocks), end - first):
            offsets = np.empty((len(pixels), self.kernel), np.int64)
            windows(self.window, self.taps, pixels.start, offsets)
            rows = slice(pixels.start, pixels.stop)
            for state, made in zip(states, results, strict=True):
                if factors is None:
                    acc = self._tap_by_tap(state, offsets, firsts)[:count]
                else:
                    acc = self._product(state, factors, offsets, firsts)
                made[rows, planes] = self._finished(state, acc, params, rows, planes)

    def _finished(
        self,
        state: State,
        acc: np.ndarray,
        params: tuple[np.ndarray, ...],
        rows: slice,
        planes: slice,
    ) -> np.ndarray:
        """Results of accumulators ``[outer, values]``: int8 ``[pixels, planes, cols]``."""
        shape = (rows.stop - rows.start, planes.stop - planes.start, self.cols)
        second = np.empty((0, 0), np.int8)
        if self.second is not None:
            words = state.scratchpad[self.second[rows, planes]]
            second = (words if self.product else words.transpose(1, 0, 2)).reshape(acc.shape)
        made = np.empty(acc.shape, np.int8)
        finish(acc, params, self.post, second, self.table, made)
        if self.product:
            return made.reshape(shape)
        return made.reshape(shape[1], shape[0], self.cols).transpose(1, 0, 2)

    def _pixel_chunks(self, blocks: int, planes: int) -> Iterator[range]:
        """Ranges of pixels small enough for the cache."""
        depth = min(self.steps * self.cols, EXACT_CHANNELS)
        if not self.product:
            depth = blocks * self.steps * self.cols
        size = max(1, CHUNK // max(planes * self.cols, depth))
        total = self.fields["pixels"]
        for first in range(0, total, size):
            yield range(first, min(first + size, total))

    def _values(self, names: tuple[str, ...]) -> np.ndarray:
        return np.array([self.fields[name] for name in names], np.int64)

    def _firsts(self, blocks: range) -> np.ndarray:
        """First words of the windows: int64 ``[blocks, steps]``."""
        f = self.fields
        in_block = np.arange(self.steps) // self.kernel
        block = np.arange(blocks.start, blocks.stop)
        return f["in_addr"] + block[:, None] * f["in_block_step"] + in_block * f["in_plane"]

    def _weights(self) -> tuple[np.ndarray, int, int]:
        """Words that hold the weights, the first of them, and words from one block to the next.

        Raises AccessError.
        """
        f = self.fields
        channels = self.full * self.width + self.kernel * f["last_channels"]
        length = channels * self.block_planes
        if f["ones"]:
            return np.ones((length, self.cols), np.int8), 0, 0
        first = f["weight_addr"] * self.state.config.line_words
        block_words = f["weight_lines"] * self.state.config.line_words
        self._words(first, (f["out_blocks"] - 1) * block_words + length)
        return self.state.scratchpad, first, block_words

    def _factors(self, blocks: range) -> np.ndarray:
        """Weights of ``blocks``: float32 ``[groups, steps * width, planes * width]``."""
        groups, depth = self.cols // self.width, self.steps * self.width
        shape = (groups, depth, len(blocks), self.block_planes * self.width)
        factors = np.empty(shape, np.float32)
        first = self.first + blocks.start * self.block_words
        last = self.fields["last_channels"]
        spread(self.source, first, self.block_words, self.full, last, factors)
        return factors.reshape(groups, depth, -1)

    def _words(self, first: int, count: int) -> np.ndarray:
        """Constants: ``count`` words of the scratchpad. Raises AccessError."""
        self.constants.append(slice(first, first + count))
        return self.state.words(first, count)

    def _params(self) -> list[np.ndarray]:
        """The channel parameters in their order, each int32 ``[planes, cols]``."""
        line_words = self.state.config.line_words
        count = self.state.config.param_lines * line_words
        first = self.fields["param_addr"] * line_words
        words = self._words(first, count * self.planes).reshape(self.planes, count, self.cols)
        found, end = [], 0
        for parameter in CHANNEL_PARAMETERS:
            first, end = end, end + parameter.words
            slots = np.ascontiguousarray(words[:, first:end]).reshape(self.planes, -1)
            values = slots.view(parameter.dtype)
            if not parameter.signed:
                values = values & values.dtype.type(parameter.high)
            found.append(values.astype(np.int32))
        return found

    def _tiled(self, planes: slice) -> tuple[np.ndarray, ...]:
        """The parameters of ``planes``, each int32 ``[outer, channels]``, repeated for several
        pixels where they are few."""
        outer = 1 if self.product else planes.stop - planes.start
        rows = [parameter[planes].reshape(outer, -1) for parameter in self.params]
        return tuple(np.tile(row, max(1, TILE // row.shape[1])) for row in rows)

    def _table(self) -> np.ndarray:
        if not self.fields["table"]:
            return np.empty(0, np.int8)
        words = self._words(self.fields["table_addr"], self.state.config.table_words)
        return words.reshape(-1)

    def _gather(
        self, state: State, offsets: np.ndarray, firsts: np.ndarray, steps: range
    ) -> np.ndarray:
        """Operand words: int8 ``[blocks, pixels, steps, cols]``, of product one block, else with
        pixels and steps exchanged. Raises AccessError."""
        words = _pieces(state.scratchpad)
        pad = _pieces(np.full((1, self.cols), self.fields["pad_value"], np.int8))[0, 0]
        shape = (len(firsts), len(offsets), len(steps), words.shape[1])
        if self.product:
            operands = filled = np.empty(shape, pad.dtype)
        else:
            operands = np.empty((shape[0], shape[2], shape[1], shape[3]), pad.dtype)
            filled = operands.transpose(0, 2, 1, 3)
        _check(gather(words, offsets, firsts, steps.start, pad, filled))
        return operands.view(np.int8)

    def _product(
        self, state: State, factors: np.ndarray, offsets: np.ndarray, firsts: np.ndarray
    ) -> np.ndarray:
        """Accumulators of some pixels: float32, of several parts int32,
        ``[1, pixels * planes * cols]``."""
        groups, width, pixels = len(factors), self.width, len(offsets)
        size = EXACT_CHANNELS // width
        parts = []
        for begin in range(0, self.steps, size):
            steps = range(begin, min(begin + size, self.steps))
            words = self._gather(state, offsets, firsts[:1], steps)
            words = words.reshape(pixels, -1, groups, width).transpose(2, 0, 1, 3)
            left = words.reshape(groups, pixels, -1).astype(np.float32)
            parts.append(left @ factors[:, begin * width : steps.stop * width])
        acc: np.ndarray = parts[0]
        if len(parts) > 1:
            whole = np.stack([part.astype(np.int32) for part in parts])
            acc = whole.sum(axis=0, dtype=np.int32)
        return acc.reshape(groups, pixels, -1, width).transpose(1, 2, 0, 3).reshape(1, -1)

    def _tap_by_tap(self, state: State, offsets: np.ndarray, firsts: np.ndarray) -> np.ndarray:
        """Accumulators of some pixels, of a depthwise kernel or maxima: int32
        ``[planes, pixels * cols]``."""
        operands = self._gather(state, offsets, firsts, range(self.steps))
        blocks, steps, pixels, _ = operands.shape
        if self.fields["maximum"]:
            acc = np.repeat(self._maximum(operands), self.block_planes, axis=0)
            return acc.reshape(-1, pixels * self.cols).astype(np.int32)
        acc = np.empty((blocks * self.block_planes, pixels * self.cols), np.int32)
        weights = (self.source, self.first, self.block_words, self.block_planes)
        by_word(operands.reshape(blocks, steps, -1), *weights, acc)
        return acc

    def _maximum(self, operands: np.ndarray) -> np.ndarray:
        """The largest operands of each group, ``[blocks, pixels, cols]``, of
        ``[blocks, steps, pixels, cols]``."""
        groups = operands.reshape(*operands.shape[:3], -1, self.width)
        parts = [
            groups[:, : self.full],
            groups[:, self.full :, ..., : self.fields["last_channels"]],
        ]
        best = [part.max(axis=(1, 4)) for part in parts if part.shape[1]]
        return np.repeat(np.max(best, axis=0), self.width, axis=2)


def _pieces(words: np.ndarray) -> np.ndarray:
    """Words of int8 ``[..., cols]`` as the widest integers that they are made of."""
    size = next(size for size in (8, 4, 2, 1) if words.shape[-1] % size == 0)
    return words.view(f"i{size}")


def _check(inside: bool) -> None:
    """Raise AccessError for an access that is not inside the scratchpad."""
    if not inside:
        raise AccessError(Fault.SCRATCHPAD_RANGE)
