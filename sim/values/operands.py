"""Scratchpad words that an EXECUTE reads and writes, its weights, and its depthwise sums.

Compiled by numba. A *step* is one (input block, kernel row, tap); steps are numbered in the order
of the weights. ``width`` is the number of a word's channels that a column multiplies, the width of
its groups. Words that are only copied are a few wide integers: ``[words, pieces]``.
"""

from __future__ import annotations

import numpy as np

from compiler.kernels import njit
from hw.spec.isa import SCRATCHPAD_ADDR_BITS

MASK = (1 << SCRATCHPAD_ADDR_BITS) - 1
OUTSIDE = -1
"""The offset of an operand that is padding."""
TILE = 512
"""Values that one loop multiplies; the weights of a word are repeated up to that."""
WINDOW_FIELDS = (
    *("out_width", "start_x", "start_y", "col_stride", "wrap_y", "col_dilation", "row_dilation"),
    *("in_width", "in_height", "in_row", "kernel_rows"),
)
"""Fields of an EXECUTE that ``windows`` reads, in the order of its argument ``window``."""

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def windows(window, taps, first, offsets):
    """Fill ``offsets`` ``[pixels, kernel]``, from pixel ``first`` on, with the operands' distances
    in words from the window's first word, or OUTSIDE; a kernel row has ``taps``."""
    out_width, start_x, start_y, col_stride, row_stride, col_dilation, row_dilation = window[:7]
    in_width, in_height, in_row, kernel_rows = window[7:]
    for pixel in range(len(offsets)):
        row, col = divmod(first + pixel, out_width)
        for kernel_row in range(kernel_rows):
            y = start_y + row * row_stride + kernel_row * row_dilation
            for tap in range(taps):
                x = start_x + col * col_stride + tap * col_dilation
                inside = 0 <= y < in_height and 0 <= x < in_width
                offsets[pixel, kernel_row * taps + tap] = y * in_row + x if inside else OUTSIDE


@_compiled
def gather(words, offsets, firsts, begin, pad, operands):
    """Fill ``operands`` ``[blocks, pixels, steps, pieces]``, from step ``begin`` on, with words.

    ``offsets`` is ``[pixels, kernel]``; ``firsts`` has the window's first word ``[blocks, steps]``.
    A step's place in the kernel is its number modulo the kernel's size; ``pad`` is a piece of
    padding. Returns whether every word is there.
    """
    blocks, pixels, steps, pieces = operands.shape
    kernel = offsets.shape[1]
    for block in range(blocks):
        for pixel in range(pixels):
            tap = begin % kernel
            for step in range(steps):
                offset = offsets[pixel, tap]
                tap = tap + 1 if tap + 1 < kernel else 0
                if offset == OUTSIDE:
                    for i in range(pieces):
                        operands[block, pixel, step, i] = pad
                    continue
                word = (firsts[block, begin + step] + offset) & MASK
                if word >= len(words):
                    return False
                for i in range(pieces):
                    operands[block, pixel, step, i] = words[word, i]
    return True


@_compiled
def places(base, plane_step, out_width, out_skip, words, found):
    """Fill ``found`` ``[pixels, planes]`` with the word addresses of results; returns whether all
    are below ``words``."""
    for pixel in range(found.shape[0]):
        within = pixel + pixel // out_width * out_skip
        for plane in range(found.shape[1]):
            word = (base + within + plane * plane_step) & MASK
            if word >= words:
                return False
            found[pixel, plane] = word
    return True


@_compiled
def scatter(words, found, results):
    """Write ``results``, ``[pixels, planes, pieces]``, to the words ``found``."""
    for pixel in range(found.shape[0]):
        for plane in range(found.shape[1]):
            for i in range(words.shape[1]):
                words[found[pixel, plane], i] = results[pixel, plane, i]


@_compiled
def spread(words, first, block_words, full, last_channels, factors):
    """Fill ``factors``, float32 ``[groups, steps * width, blocks, planes * width]``, from weights.

    A block's begin ``block_words`` words after those of the one before, the first's at ``first``;
    they have for each step, and each of its channels, a word of each plane. ``full`` are the steps
    with all ``width`` channels, the others have ``last_channels``; what is beyond becomes 0.
    """
    groups, depth, blocks, columns = factors.shape
    width = words.shape[1] // groups
    planes = columns // width
    for block in range(blocks):
        word = first + block * block_words
        for row in range(depth):
            used = row // width < full or row % width < last_channels
            for plane in range(planes):
                for group in range(groups):
                    to = factors[group, row, block, plane * width : (plane + 1) * width]
                    if not used:
                        to[:] = 0
                        continue
                    source = words[word + plane, group * width : (group + 1) * width]
                    for c in range(width):
                        to[c] = source[c]
            word += planes if used else 0


@_compiled
def by_word(operands, words, first, block_words, planes, acc):
    """Fill ``acc``, int32 ``[blocks * planes, values]``, with the sums of a depthwise kernel.

    ``operands`` is int8 ``[blocks, steps, values]``, the values of a pixel's word after those of
    the one before; weights are as for ``spread``.
    """
    blocks, steps, values = operands.shape
    cols = words.shape[1]
    factors = np.empty((steps, TILE), np.int32)
    for block in range(blocks):
        for plane in range(planes):
            for step in range(steps):
                source = words[first + block * block_words + step * planes + plane]
                for c in range(min(TILE, values)):
                    factors[step, c] = source[c % cols]
            for begin in range(0, values, TILE):
                count = min(TILE, values - begin)
                sums = acc[block * planes + plane, begin : begin + count]
                sums[:] = 0
                for step in range(steps):
                    operand = operands[block, step, begin : begin + count]
                    factor = factors[step]
                    for c in range(count):
                        sums[c] += np.int32(operand[c]) * factor[c]
