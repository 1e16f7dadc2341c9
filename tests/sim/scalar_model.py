"""An interpretation of one EXECUTE, scalar by scalar, from the text of docs/architecture.md 2.1."""

from __future__ import annotations

import numpy as np


def wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def divide(value: int, exponent: int) -> int:
    magnitude = (abs(value) * 2 + 2**exponent) >> (exponent + 1)
    return magnitude if value >= 0 else -magnitude


def rescale_once(value: int, left: int, multiplier: int, right: int) -> int:
    """Section 2.1 with ``round_once``: one rounding, halves away from zero."""
    shifted = wrap(wrap(value) << left)
    if right == 0:
        return shifted * multiplier >> 31
    magnitude = (abs(shifted) * multiplier + (1 << 30 + right)) >> 31 + right
    return magnitude if shifted >= 0 else -magnitude


def rescale(value: int, left: int, multiplier: int, right: int) -> int:
    value = wrap(wrap(value) << left)
    return divide(wrap((value * multiplier + 2**30) >> 31), right)


def clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


class ScalarExecute:
    """Executes the command ``f`` on ``scratchpad``, int8 ``[words, cols]``, of lines of
    ``line``."""

    def __init__(self, f: dict[str, int], scratchpad: np.ndarray, line: int = 8) -> None:
        self.f = f
        self.scratchpad, self.line = scratchpad, line
        self.cols = scratchpad.shape[1]
        self.weight = 0

    def run(self) -> np.ndarray:
        f, after = self.f, self.scratchpad.copy()
        for block in range(f["out_blocks"]):
            last = block == f["out_blocks"] - 1
            for plane in range(f["last_planes"] if last else 1 << f["array_shape"]):
                for pixel in range(f["pixels"]):
                    oy, ox = divmod(pixel, f["out_width"])
                    within = oy * (f["out_width"] + f["out_skip"]) + ox
                    number = (block << f["array_shape"]) + plane
                    for column in range(self.cols):
                        acc = self.accumulate(block, plane, ox, oy, column)
                        place = f["out_addr"] + number * f["out_plane"] + within
                        after[place, column] = self.finish(acc, number, within, column)
        return after

    def accumulate(self, block: int, plane: int, ox: int, oy: int, column: int) -> int:
        f = self.f
        acc, first = 0, True
        width = self.cols // 2 ** f["split"]
        word = (f["weight_addr"] + block * f["weight_lines"]) * self.line + plane
        taps = (f["tap_groups"] - 1) * f["group_taps"] + f["last_taps"]
        for b in range(f["in_blocks"]):
            channels = f["last_channels"] if b == f["in_blocks"] - 1 else width
            for r in range(f["kernel_rows"]):
                for t in range(taps):
                    for c in range(channels):
                        lane = column // width * width + c
                        operand = self.operand(block, b, r, t, ox, oy, lane)
                        if f["maximum"]:
                            acc = operand if first else max(acc, operand)
                        else:
                            acc += operand * (
                                1 if f["ones"] else int(self.scratchpad[word, column])
                            )
                        first = False
                        word += 1 << f["array_shape"]
        return wrap(acc)

    def operand(self, block: int, b: int, r: int, t: int, ox: int, oy: int, lane: int) -> int:
        f = self.f
        x = f["start_x"] + ox * f["col_stride"] + t * f["col_dilation"]
        y = f["start_y"] + oy * f["wrap_y"] + r * f["row_dilation"]
        if not (0 <= x < f["in_width"] and 0 <= y < f["in_height"]):
            return f["pad_value"]
        place = f["in_addr"] + block * f["in_block_step"] + b * f["in_plane"] + y * f["in_row"] + x
        return int(self.scratchpad[place, lane])

    def param(self, plane: int, which: int, column: int) -> int:
        lines = {8: 2, 4: 3}[self.line]
        words = self.scratchpad[(self.f["param_addr"] + lines * plane) * self.line :][:10].tobytes()
        if which < 2:
            start = (which * self.cols + column) * 4
            value = int.from_bytes(words[start : start + 4], "little", signed=which == 0)
            return value % 2**31 if which else value
        return words[8 * self.cols + (which - 2) * self.cols + column]

    def finish(self, acc: int, plane: int, within: int, column: int) -> int:
        f = self.f
        bias, multiplier, left, right = (self.param(plane, i, column) for i in range(4))
        y = (rescale_once if f["round_once"] else rescale)(acc + bias, left, multiplier, right)
        y = clamp(y + f["out_zero"], f["out_min"], f["out_max"])
        if f["residual"]:
            other = int(self.scratchpad[f["res_addr"] + plane * f["res_plane"] + within, column])
            a = rescale(y + f["a_offset"], f["add_left"], f["a_multiplier"], f["a_right"])
            b = rescale(other + f["b_offset"], f["add_left"], f["b_multiplier"], f["b_right"])
            total = rescale(a + b, 0, f["sum_multiplier"], f["sum_right"])
            y = clamp(total + f["add_zero"], f["add_min"], f["add_max"])
        if f["table"]:
            row, byte = divmod(y + 128, self.cols)
            y = int(self.scratchpad[f["table_addr"] + row, byte])
        return y
