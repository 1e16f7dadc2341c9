"""Output blocks of a layer in an array shape, and the regular runs that one EXECUTE covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import ArrayOp
from hw.spec.config import AccelConfig
from hw.spec.records import PARAM_WORDS

PLACE_WORDS = 8
"""Alignment of everything in the scratchpad, in words: a whole line of any machine."""


def aligned(words: int) -> int:
    """``words`` rounded up to whole lines of any machine."""
    return -(-words // PLACE_WORDS) * PLACE_WORDS


class BlockRange(NamedTuple):
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
        """Number of blocks."""
        return -(-self.planes >> self.shape)

    @property
    def last_planes(self) -> int:
        """Planes of the last block."""
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

    @property
    def block_words(self) -> int:
        """Scratchpad words of the own weights of one block."""
        return self.weight_lines * self.line_words if self.own_weights else 0

    def words(self, param_sets: int) -> int:
        """Scratchpad words of the run's parameters, ``param_sets`` times, and own weights."""
        return param_sets * self.planes * self.param_words + self.blocks * self.block_words

    def part(self, first: int, count: int) -> BlockRange:
        """The run of ``count`` blocks from block ``first`` on."""
        skipped = first << self.shape
        return BlockRange(
            self.shape,
            self.width,
            self.first_plane + skipped,
            min(self.planes - skipped, count << self.shape),
            self.in_plane + first * self.in_step,
            *self[5:],
        )


def group_width(op: ArrayOp, source: FeatureMap, output: FeatureMap, cols: int) -> int:
    """Channels of a word that a column chooses from: those of its group of channels, if groups
    are as wide at the output as at the input and a power of two, else all ``cols``.

    Groups that are narrower than a word then cost their own channels. As an output plane reads the
    same input plane only, an output block is one plane.
    """
    if op.depthwise:
        return 1
    width = source.channels // op.groups
    fits = width < cols and width & (width - 1) == 0
    return width if op.groups > 1 and source.channels == output.channels and fits else cols


def shapes_of(op: ArrayOp, source: FeatureMap, output: FeatureMap, cols: int) -> tuple[int, ...]:
    """The array shapes that the layer can run in."""
    return (0,) if group_width(op, source, output, cols) < cols else (0, 1, 2)


def block_ranges(
    op: ArrayOp, source: FeatureMap, output: FeatureMap, shape: int, config: AccelConfig
) -> list[BlockRange]:
    """The layer's output blocks in array shape ``shape`` as a list of regular runs."""
    ranges: list[BlockRange] = []
    for block in _blocks(op, source, output, shape, config):
        merged = _joined(ranges[-1], block) if ranges else None
        if merged is None:
            ranges.append(block)
        else:
            ranges[-1] = merged
    return ranges


def _blocks(
    op: ArrayOp, source: FeatureMap, output: FeatureMap, shape: int, config: AccelConfig
) -> Iterator[BlockRange]:
    """Each output block as a run of its own."""
    cols, line = config.cols, config.line_words
    planes, block = output.planes(cols), 1 << shape
    width = group_width(op, source, output, cols)
    for first in range(0, planes, block):
        count = min(block, planes - first)
        if width < cols:
            words = op.taps * width << shape if op.weighted else 0
            own = not op.factor
            yield BlockRange(
                shape, width, first, count, first, 1, 1, width, line, -(-words // line), own
            )
            continue
        low, high = _input_channels(op, source, output, first * cols, (first + count) * cols, cols)
        in_plane = low // cols
        in_blocks = (high - 1) // cols - in_plane + 1
        last = high - (in_plane + in_blocks - 1) * cols
        words = op.taps * ((in_blocks - 1) * cols + last) << shape
        lines = -(-words // line)
        yield BlockRange(shape, cols, first, count, in_plane, in_blocks, 0, last, line, lines)


def _input_channels(
    op: ArrayOp, source: FeatureMap, output: FeatureMap, first: int, end: int, cols: int
) -> tuple[int, int]:
    """Input channels ``[low, high)`` that the output channels ``[first, end)`` read."""
    if op.sparse:
        assert op.weights is not None
        read = np.flatnonzero(op.weights[first:end].any(axis=(0, 1, 2)))
        if not read.size:
            return 0, 1
        return int(read[0]), min(int(read[-1]) // cols * cols + cols, source.channels)
    if op.groups == 1:
        return 0, source.channels
    out_group = output.channels // op.groups
    in_group = source.channels // op.groups
    last = min(end, output.channels) - 1
    return first // out_group * in_group, (last // out_group + 1) * in_group


def _joined(block_range: BlockRange, block: BlockRange) -> BlockRange | None:
    """``block_range`` with ``block`` after it, or None where that is not regular."""
    if block_range.last_planes != 1 << block_range.shape:
        return None
    if (block_range.in_blocks, block_range.last_channels) != (block.in_blocks, block.last_channels):
        return None
    count = block_range.blocks
    step = (block.in_plane - block_range.in_plane) // count
    if step < 0 or block_range.in_plane + step * count != block.in_plane:
        return None
    if count > 1 and step != block_range.in_step:
        return None
    return block_range._replace(planes=block_range.planes + block.planes, in_step=step)


class Chunk(NamedTuple):
    """Runs whose parameters and weights lie together and arrive with one LOAD."""

    ranges: tuple[BlockRange, ...]
    words: int
    first_plane: int
    planes: int


def chunks_of(ranges: list[BlockRange], param_sets: int, limit: int) -> list[Chunk]:
    """Cut the runs into chunks of at most ``limit`` words, or one block where that is more."""
    chunks: list[list[BlockRange]] = []
    sizes: list[int] = []
    room = 0
    for block_range in ranges:
        first, blocks, planes = 0, block_range.blocks, block_range.planes
        most = 1 << block_range.shape
        plane_words, block_words = param_sets * block_range.param_words, block_range.block_words
        while first < blocks:
            one = min(most, planes - first * most) * plane_words + block_words
            if room < one:
                chunks.append([])
                sizes.append(0)
                room = max(limit, one)
            count = min(blocks - first, room // one)
            words = min(count * most, planes - first * most) * plane_words + count * block_words
            chunks[-1].append(block_range.part(first, count))
            sizes[-1] += words
            room -= words
            first += count
    return [
        Chunk(tuple(parts), words, parts[0].first_plane, sum(r.planes for r in parts))
        for parts, words in zip(chunks, sizes, strict=True)
    ]


def balanced_chunks(ranges: list[BlockRange], param_sets: int, limit: int) -> list[Chunk]:
    """Chunks of ``chunks_of``, made of about equal size."""
    chunks = chunks_of(ranges, param_sets, limit)
    total = sum(c.words for c in chunks)
    share = -(-total // len(chunks)) + chunks[0].words // 8
    if share >= limit:
        return chunks
    even = chunks_of(ranges, param_sets, share)
    return even if len(even) == len(chunks) else chunks


def param_sets(op: ArrayOp) -> int:
    """Distinct sets of channel parameters among the layer's regions."""
    return len({id(r.requant) for r in op.regions})


CHUNK_WORDS = 4534
"""Most words of a chunk for 16 rows: a fourteenth of the scratchpad of ``edge256``."""


def chunk_limit(config: AccelConfig) -> int:
    """Words that a chunk holds at most, so that loading and computing overlap. More are no use in a
    larger scratchpad: an EXECUTE of so many is long beside its set-up, which takes a cycle a row.
    """
    return min(config.scratchpad_words // 14, CHUNK_WORDS * config.rows // 16)
