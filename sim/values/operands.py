"""Scratchpad words that an EXECUTE multiplies, and the order of its weights."""

from __future__ import annotations

import numpy as np

from sim.values.memories import State

Window = tuple[np.ndarray, np.ndarray]
"""Word addresses of the operands of some pixels, from the first, and which of them lie in the map:
int64 and bool, ``[pixels, taps]``."""


class Operands:
    """The operand words of one EXECUTE, by output pixel and step.

    A *step* is one (input block, kernel row, tap); steps are numbered in the order of the weights.
    ``width`` is the number of a word's channels that a column multiplies, the groups' width.
    """

    def __init__(self, state: State, fields: dict[str, int]) -> None:
        self.state = state
        self.fields = fields
        self.taps = (fields["tap_groups"] - 1) * fields["group_taps"] + fields["last_taps"]
        self.kernel = fields["kernel_rows"] * self.taps
        self.tap_groups = fields["in_blocks"] * self.kernel
        self.width = state.config.cols >> fields["split"]

    def channels(self, tap_group: int) -> int:
        """Channels that a step multiplies one after another."""
        last = tap_group // self.kernel == self.fields["in_blocks"] - 1
        return self.fields["last_channels"] if last else self.width

    def window(self, pixels: range) -> Window:
        """Word offset within the plane and whether that is input, ``[pixels, kernel]``."""
        f = self.fields
        row, col = np.divmod(np.arange(pixels.start, pixels.stop), f["out_width"])
        x = f["start_x"] + col * f["col_stride"]
        y = f["start_y"] + row * f["wrap_y"]
        xs = x[:, None] + np.arange(self.taps) * f["col_dilation"]
        ys = y[:, None] + np.arange(f["kernel_rows"]) * f["row_dilation"]
        in_x = (xs >= 0) & (xs < f["in_width"])
        in_y = (ys >= 0) & (ys < f["in_height"])
        offset = ys[:, :, None] * f["in_row"] + xs[:, None, :]
        inside = in_y[:, :, None] & in_x[:, None, :]
        return offset.reshape(len(pixels), -1), inside.reshape(len(pixels), -1)

    def gather(self, window: Window, tap_groups: range, block: int) -> np.ndarray:
        """Operand words of output block ``block``: int8 ``[pixels, tap_groups, cols]``.

        Raises AccessError when an operand lies beyond the scratchpad.
        """
        f = self.fields
        offset, inside = window
        in_block, tap = np.divmod(np.arange(tap_groups.start, tap_groups.stop), self.kernel)
        first = f["in_addr"] + block * f["in_block_step"] + in_block * f["in_plane"]
        valid = inside[:, tap]
        address = np.where(valid, offset[:, tap] + first, 0)
        words = np.take(self.state.scratchpad, self.state.scratchpad_index(address), axis=0)
        if not valid.all():
            words[~valid] = f["pad_value"]
        return words
