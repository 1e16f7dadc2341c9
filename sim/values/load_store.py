"""LOAD and STORE: rows of words between external memory and the scratchpad."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sim.values.memories import State
from sim.values.tensors import FLIP

ADDRESS_SPACE = 1 << 32


def load(state: State, fields: dict[str, int]) -> None:
    """Execute a LOAD. Raises AccessError when it leaves an address range or the scratchpad."""
    if fields["unpack"]:
        _load_unpacked(state, fields)
        return
    external = _external_words(state)
    for rows, words in _plain_rows(state, fields, write=False):
        state.scratchpad[words] = external[rows]


def store(state: State, fields: dict[str, int]) -> None:
    """Execute a STORE. Raises AccessError when it leaves an address range or the scratchpad."""
    external = _external_words(state)
    for rows, words in _plain_rows(state, fields, write=True):
        external[rows] = state.scratchpad[words]


def _external_words(state: State) -> np.ndarray:
    return state.memory.view(np.int8).reshape(-1, state.config.cols)


def _run_starts(fields: dict[str, int]) -> Iterator[tuple[int, int]]:
    """Byte address in memory and word address in the scratchpad of each row."""
    for row in range(fields["row_count"]):
        yield (
            (fields["dram_addr"] + row * fields["dram_stride"]) % ADDRESS_SPACE,
            fields["scratchpad_addr"] + row * fields["scratchpad_stride"],
        )


def _plain_rows(
    state: State, fields: dict[str, int], write: bool
) -> list[tuple[slice, slice | np.ndarray]]:
    """Words of external memory and of the scratchpad, row by row in the order of transfer."""
    cols, length = state.config.cols, fields["row_length"]
    starts = list(_run_starts(fields))
    for begin, _ in starts:
        state.check_row(begin, length * cols, write)
    return [
        (slice(begin // cols, begin // cols + length), state.scratchpad_range(first, length))
        for begin, first in starts
    ]


def _load_unpacked(state: State, fields: dict[str, int]) -> None:
    cols, channels, length = state.config.cols, fields["channels"], fields["row_length"]
    starts = list(_run_starts(fields))
    for begin, _ in starts:
        state.check_row(begin, length * channels, write=False)
    chunks = -(-channels // cols)
    within = (np.arange(chunks)[:, None] * fields["plane"] + np.arange(length)).ravel()
    words = np.zeros((length, chunks * cols), np.uint8)
    for begin, first in starts:
        pixels = state.memory[begin : begin + length * channels].reshape(length, channels)
        words[:, :channels] = pixels ^ FLIP if fields["flip"] else pixels
        planes = words.view(np.int8).reshape(length, chunks, cols).transpose(1, 0, 2)
        state.scratchpad[state.scratchpad_index(first + within)] = planes.reshape(-1, cols)
