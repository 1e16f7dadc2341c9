"""Words of the scratchpad that hold something, cycle by cycle, from a program's commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from sim.program import Command, Segment

Words = NDArray[np.int64]
"""Word addresses; some may be there more than once."""


def scratchpad_use(
    segments: Sequence[Segment], spans: Sequence[tuple[int, int, int]], config: AccelConfig
) -> dict[int, int]:
    """Words in use from each cycle on in which their number changes, by cycle.

    A word is in use from the first cycle of the command that writes it to the last one of the last
    command that reads it before it is written again. ``spans`` are the first and the last cycle of
    each command, by its number.
    """
    changes = Counter({0: 0})
    for segment in segments:
        ledger = _Ledger(config.scratchpad_words, changes)
        for command in segment.commands:
            if command.opcode == Opcode.END:
                continue
            first, last, _ = spans[command.index]
            ledger.read(_joined(words_read(command, config)), last)
            ledger.write(_joined(words_written(command, config)), first)
        ledger.end()
    cycles = sorted(cycle for cycle, change in changes.items() if change or cycle == 0)
    levels = np.cumsum([changes[cycle] for cycle in cycles]).tolist()
    return dict(zip(cycles, levels, strict=True))


def words_read(command: Command, config: AccelConfig) -> Iterator[Words]:
    """The words of the scratchpad that a command reads."""
    f = command.fields
    if command.opcode == Opcode.STORE:
        yield _moved(f, config)
    if command.opcode != Opcode.EXECUTE:
        return
    line = config.line_words
    yield _operands(f)
    yield _run(f["param_addr"] * line, _planes(f) * config.param_lines * line)
    if not f["ones"]:
        yield _run(f["weight_addr"] * line, f["out_blocks"] * f["weight_lines"] * line)
    if f["table"]:
        yield _run(f["table_addr"], config.table_words)
    if f["residual"]:
        yield _results(f, f["res_addr"], f["res_plane"])


def words_written(command: Command, config: AccelConfig) -> Iterator[Words]:
    """The words of the scratchpad that a command writes."""
    f = command.fields
    if command.opcode == Opcode.LOAD:
        yield _moved(f, config)
    elif command.opcode == Opcode.EXECUTE:
        yield _results(f, f["out_addr"], f["out_plane"])


class _Ledger:
    """Since when each word is in use, and the last cycle in which it is read; -1 for never."""

    def __init__(self, words: int, changes: Counter[int]) -> None:
        self._since, self._read = np.full((2, words), -1, np.int64)
        self._changes = changes

    def read(self, words: Words, cycle: int) -> None:
        self._read[words] = np.maximum(self._read[words], cycle)

    def write(self, words: Words, cycle: int) -> None:
        """A word that nothing has read yet stays in use since its first writing."""
        new = np.unique(words[(self._read[words] >= 0) | (self._since[words] < 0)])
        self._close(new, cycle - 1)
        self._since[new], self._read[new] = cycle, -1

    def end(self) -> None:
        """Count the words that are in use at the end."""
        self._close(np.arange(len(self._since)), np.iinfo(np.int64).max)

    def _close(self, words: Words, limit: int) -> None:
        """Count words up to their last reading, but not beyond the cycle ``limit``: an EXECUTE may
        write words that the one before it has read while that one still drains."""
        used = words[(self._since[words] >= 0) & (self._read[words] >= 0)]
        last = np.minimum(self._read[used], limit)
        for cycles, change in ((self._since[used], 1), (last + 1, -1)):
            for cycle, count in zip(*np.unique(cycles, return_counts=True), strict=True):
                self._changes[int(cycle)] += change * int(count)


def _joined(parts: Iterator[Words]) -> Words:
    return np.concatenate([np.zeros(0, np.int64), *(part.ravel() for part in parts)])


def _run(first: int, count: int) -> Words:
    return np.arange(first, first + count, dtype=np.int64)


def _planes(f: Mapping[str, int]) -> int:
    return (f["out_blocks"] - 1 << f["array_shape"]) + f["last_planes"]


def _moved(f: Mapping[str, int], config: AccelConfig) -> Words:
    """Words of the rows of a LOAD or STORE: of all planes where a LOAD unpacks channels."""
    planes = -(-f["channels"] // config.cols) if f.get("unpack") else 1
    rows = f["scratchpad_addr"] + f["scratchpad_stride"] * np.arange(f["row_count"])
    starts = rows[:, None] + f.get("plane", 0) * np.arange(planes)
    return starts[..., None] + np.arange(f["row_length"])


def _results(f: Mapping[str, int], base: int, plane: int) -> Words:
    """Words of the results, or of the second operand, of all planes and pixels."""
    pixels = np.arange(f["pixels"])
    within = pixels + pixels // f["out_width"] * f["out_skip"]
    return base + plane * np.arange(_planes(f))[:, None] + within


def _operands(f: Mapping[str, int]) -> Words:
    """Words of the input that any tap of any pixel meets, padding excepted."""
    taps = (f["tap_groups"] - 1) * f["group_taps"] + f["last_taps"]
    rows = f["pixels"] // f["out_width"]
    ys = _met(f["start_y"], rows, f["wrap_y"], f["kernel_rows"], f["row_dilation"], f["in_height"])
    xs = _met(f["start_x"], f["out_width"], f["col_stride"], taps, f["col_dilation"], f["in_width"])
    blocks = f["in_block_step"] * np.arange(f["out_blocks"])[:, None]
    bases = np.unique(f["in_addr"] + blocks + f["in_plane"] * np.arange(f["in_blocks"]))
    return bases[:, None, None] + ys[:, None] * f["in_row"] + xs


def _met(start: int, windows: int, stride: int, taps: int, dilation: int, size: int) -> Words:
    """The rows or columns inside a map of ``size`` that the taps of windows meet, each once."""
    met = start + stride * np.arange(windows)[:, None] + dilation * np.arange(taps)
    return np.unique(met[(met >= 0) & (met < size)])
