"""Output blocks of a layer in an array shape, and the regular runs that one EXECUTE covers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from compiler.hwir.network import (
    FeatureMap,
    Layer,
)
from hw.spec.config import PARAM_WORDS, AccelConfig

PLACE_WORDS = 8
"""Whatever lies in the scratchpad begins at a multiple of this, a whole line of any machine."""


def aligned(words: int) -> int:
    """``words`` rounded up to whole lines of any machine."""
    return -(-words // PLACE_WORDS) * PLACE_WORDS


@dataclass(frozen=True)
class Run:
    """Consecutive output blocks whose input blocks advance by a constant step.

    Planes count from the first of the output and of the input map. ``planes`` is the number of
    output planes of the whole run, ``in_step`` the input planes from one output block to the next.
    A column multiplies the channels of its own group of ``width`` channels of a word, in the last
    input block ``last_channels`` of them. Weights of an output block and parameters of a plane are
    whole lines of ``line_words``. Without ``own_weights`` another layer makes the weights.
    """

    shape: int
    width: int
    first_plane: int
    planes: int
    in_plane: int
    in_blocks: int
    in_step: int
    last_channels: int
    line_words: int
    weight_lines: int
    own_weights: bool = True

    @property
    def blocks(self) -> int:
        return math.ceil(self.planes / (1 << self.shape))

    @property
    def last_planes(self) -> int:
        return self.planes - ((self.blocks - 1) << self.shape)

    @property
    def extent(self) -> tuple[int, ...]:
        """All of a run that its cycles follow from."""
        return (
            self.shape,
            self.planes,
            self.in_blocks,
            self.width,
            self.last_channels,
            self.weight_lines,
        )

    @property
    def param_words(self) -> int:
        """Words that the channel parameters of one plane take."""
        return -(-PARAM_WORDS // self.line_words) * self.line_words

    @property
    def channels(self) -> int:
        """Channels that each tap of an output block multiplies."""
        return (self.in_blocks - 1) * self.width + self.last_channels

    def words(self, param_sets: int) -> int:
        """Scratchpad words of the run's parameters, ``param_sets`` times, and own weights."""
        weights = self.blocks * self.weight_lines * self.line_words if self.own_weights else 0
        return param_sets * self.planes * self.param_words + weights

    def part(self, first: int, count: int) -> Run:
        """The run of ``count`` blocks from block ``first`` on."""
        skipped = first << self.shape
        planes = min(self.planes - skipped, count << self.shape)
        return Run(
            self.shape,
            self.width,
            self.first_plane + skipped,
            planes,
            self.in_plane + first * self.in_step,
            self.in_blocks,
            self.in_step,
            self.last_channels,
            self.line_words,
            self.weight_lines,
            self.own_weights,
        )


def group_width(layer: Layer, source: FeatureMap, output: FeatureMap, cols: int) -> int:
    """Channels of a word that a column chooses from: those of its group of channels, if groups
    are as wide at the output as at the input and a power of two, else all ``cols``.

    Groups that are narrower than a word then cost their own channels. As an output plane reads the
    same input plane only, an output block is one plane.
    """
    if layer.depthwise:
        return 1
    width = source.channels // layer.groups
    fits = width < cols and width & (width - 1) == 0
    return width if layer.groups > 1 and source.channels == output.channels and fits else cols


def shapes_of(layer: Layer, source: FeatureMap, output: FeatureMap, cols: int) -> tuple[int, ...]:
    """The array shapes that the layer can run in."""
    return (0,) if group_width(layer, source, output, cols) < cols else (0, 1, 2)


def runs_of(
    layer: Layer, source: FeatureMap, output: FeatureMap, shape: int, config: AccelConfig
) -> list[Run]:
    """The layer's output blocks in array shape ``shape`` as a list of regular runs."""
    runs: list[Run] = []
    for block in _blocks(layer, source, output, shape, config):
        merged = _joined(runs[-1], block) if runs else None
        if merged is None:
            runs.append(block)
        else:
            runs[-1] = merged
    return runs


def _blocks(
    layer: Layer, source: FeatureMap, output: FeatureMap, shape: int, config: AccelConfig
) -> Iterator[Run]:
    """Each output block as a run of its own."""
    cols, line = config.cols, config.line_words
    planes, block = output.planes(cols), 1 << shape
    width = group_width(layer, source, output, cols)
    for first in range(0, planes, block):
        count = min(block, planes - first)
        if width < cols:
            words = layer.taps * width << shape if layer.weighted else 0
            own = not layer.factor
            yield Run(shape, width, first, count, first, 1, 1, width, line, -(-words // line), own)
            continue
        low, high = _input_channels(
            layer, source, output, first * cols, (first + count) * cols, cols
        )
        in_plane = low // cols
        in_blocks = (high - 1) // cols - in_plane + 1
        last = high - (in_plane + in_blocks - 1) * cols
        words = layer.taps * ((in_blocks - 1) * cols + last) << shape
        lines = -(-words // line)
        yield Run(shape, cols, first, count, in_plane, in_blocks, 0, last, line, lines)


def _input_channels(
    layer: Layer, source: FeatureMap, output: FeatureMap, first: int, end: int, cols: int
) -> tuple[int, int]:
    """Input channels ``[low, high)`` that the output channels ``[first, end)`` read."""
    if layer.sparse:
        assert layer.weights is not None
        read = np.flatnonzero(layer.weights[first:end].any(axis=(0, 1, 2)))
        if not read.size:
            return 0, 1
        return int(read[0]), min(int(read[-1]) // cols * cols + cols, source.channels)
    if layer.groups == 1:
        return 0, source.channels
    out_group = output.channels // layer.groups
    in_group = source.channels // layer.groups
    last = min(end, output.channels) - 1
    return first // out_group * in_group, (last // out_group + 1) * in_group


def _joined(run: Run, block: Run) -> Run | None:
    """``run`` with ``block`` behind it, or None where that is not regular."""
    if run.last_planes != 1 << run.shape:
        return None
    if (run.in_blocks, run.last_channels) != (block.in_blocks, block.last_channels):
        return None
    count = run.blocks
    step = (block.in_plane - run.in_plane) // count
    if step < 0 or run.in_plane + step * count != block.in_plane:
        return None
    if count > 1 and step != run.in_step:
        return None
    return replace(run, planes=run.planes + block.planes, in_step=step)


@dataclass(frozen=True)
class Chunk:
    """Runs whose parameters and weights lie together and arrive with one LOAD."""

    runs: tuple[Run, ...]
    words: int
    first_plane: int
    planes: int


def chunks_of(runs: list[Run], param_sets: int, limit: int) -> list[Chunk]:
    """Cut the runs into chunks of at most ``limit`` words, or one block where that is more."""
    chunks: list[list[Run]] = []
    room = 0
    for run in runs:
        first = 0
        while first < run.blocks:
            one = run.part(first, 1).words(param_sets)
            if not chunks or room < one:
                chunks.append([])
                room = max(limit, one)
            count = min(run.blocks - first, room // one)
            piece = run.part(first, count)
            chunks[-1].append(piece)
            room -= piece.words(param_sets)
            first += count
    return [_chunk(parts, param_sets) for parts in chunks]


def _chunk(runs: list[Run], param_sets: int) -> Chunk:
    words = sum(r.words(param_sets) for r in runs)
    return Chunk(tuple(runs), words, runs[0].first_plane, sum(r.planes for r in runs))


def balanced_chunks(runs: list[Run], param_sets: int, limit: int) -> list[Chunk]:
    """As ``chunks_of``, with chunks of about equal size."""
    chunks = chunks_of(runs, param_sets, limit)
    total = sum(c.words for c in chunks)
    even = chunks_of(runs, param_sets, min(limit, -(-total // len(chunks)) + chunks[0].words // 8))
    return even if len(even) == len(chunks) else chunks


def param_sets(layer: Layer) -> int:
    """Distinct sets of channel parameters among the layer's regions."""
    return len({id(r.requant) for r in layer.regions})


def chunk_limit(config: AccelConfig) -> int:
    """Words that a chunk holds at most, so that loading and computing overlap."""
    return config.scratchpad_words // 14
