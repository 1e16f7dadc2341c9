"""Parameters and weights of a chunk as the words that EXECUTE reads (docs/architecture.md, 1)."""

from __future__ import annotations

import numpy as np

from compiler.hwir.network import (
    ArrayOp,
    Requant,
)
from compiler.schedule.channel_blocks import (
    BlockRange,
    Chunk,
)
from hw.spec.records import CHANNEL_PARAMETERS, PARAM_WORDS


class Constants:
    """The weights, parameters and tables that LOADs read, one after another."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.size = 0

    def add(self, op: ArrayOp, chunk: Chunk | None, words: int, cols: int) -> int:
        """Append a chunk's image, or without one the layer's table; where it begins."""
        first, self.size = self.size, self.size + words * cols
        self._append(op, chunk, cols)
        return first

    def _append(self, op: ArrayOp, chunk: Chunk | None, cols: int) -> None:
        if chunk is None:
            assert op.table is not None
            self.data += op.table.tobytes()
        else:
            self.data += chunk_bytes(op, chunk, cols)
        assert len(self.data) == self.size, op.name


class BlankConstants(Constants):
    """Places only, for a program that is timed and never runs."""

    def _append(self, op: ArrayOp, chunk: Chunk | None, cols: int) -> None:
        pass


def distinct_requants(op: ArrayOp) -> list[Requant]:
    """The layer's sets of channel parameters, each once, in the order of its regions."""
    found: dict[int, Requant] = {id(r.requant): r.requant for r in op.regions}
    return list(found.values())


def chunk_bytes(op: ArrayOp, chunk: Chunk, cols: int) -> bytes:
    """The chunk's image: for each run the parameter sets, one after another, then the weights."""
    parts = []
    for run in chunk.ranges:
        parts += [param_bytes(r, run, cols) for r in distinct_requants(op)]
        if op.weights is not None:
            parts.append(weight_bytes(op, run, cols))
    data = b"".join(parts)
    assert len(data) == chunk.words * cols, op.name
    return data


def param_bytes(requant: Requant, run: BlockRange, cols: int) -> bytes:
    """Whole lines for each output plane of the run."""
    first, count = run.first_plane * cols, run.planes * cols

    def channels(values: np.ndarray) -> np.ndarray:
        padded = np.zeros(count, np.int64)
        part = values[first : first + count]
        padded[: len(part)] = part
        return padded.reshape(run.planes, cols)

    words = np.zeros((run.planes, run.param_words * cols), np.uint8)
    words[:, : PARAM_WORDS * cols] = np.concatenate(
        [
            channels(getattr(requant, p.name)).astype(p.dtype).view(np.uint8)
            for p in CHANNEL_PARAMETERS
        ],
        axis=1,
    )
    return words.tobytes()


def weight_bytes(op: ArrayOp, run: BlockRange, cols: int) -> bytes:
    """The weight streams of the run's output blocks, each padded to whole lines."""
    assert op.weights is not None
    count = 1 << run.shape
    words = np.zeros((run.blocks, run.weight_lines * run.line_words, cols), np.int8)
    for block in range(run.blocks):
        first = run.first_plane + (block << run.shape)
        stream = (
            _grouped(op, first, count, run.width, cols)
            if run.width < cols
            else _dense(
                op,
                first,
                count,
                run.in_plane + block * run.in_step,
                run.in_blocks,
                run.channels,
                cols,
            )
        )
        words[block, : len(stream)] = stream
    return words.tobytes()


def _grouped(op: ArrayOp, plane: int, count: int, width: int, cols: int) -> np.ndarray:
    """Words ``[tap][channel of the group][plane]`` of ``count`` output planes from ``plane`` on."""
    assert op.weights is not None
    part = op.weights[plane * cols : (plane + count) * cols]
    full = np.zeros((count * cols, op.taps, width), np.int8)
    full[: len(part)] = part.reshape(len(part), op.taps, width)
    by_plane = full.reshape(count, cols, op.taps, width)
    return by_plane.transpose(2, 3, 0, 1).reshape(-1, cols)


def _dense(
    op: ArrayOp, plane: int, count: int, in_plane: int, in_blocks: int, channels: int, cols: int
) -> np.ndarray:
    """Words ``[input block][tap][channel][plane]`` of the output planes from ``plane`` on."""
    full = _block_weights(op, plane * cols, count * cols, in_plane * cols, channels)
    parts = []
    for block in range(in_blocks):
        part = full[..., block * cols : min((block + 1) * cols, channels)]
        by_plane = part.reshape(count, cols, op.taps, -1)
        parts.append(by_plane.transpose(2, 3, 0, 1).reshape(-1, cols))
    return np.concatenate(parts)


def _block_weights(op: ArrayOp, first: int, count: int, in_first: int, channels: int) -> np.ndarray:
    """int8 ``[count, taps, channels]``: weights from channel ``in_first`` on, 0 elsewhere."""
    assert op.weights is not None
    outputs, depth = op.weights.shape[0], op.weights.shape[3]
    full = np.zeros((count, op.taps, channels), np.int8)
    part = op.weights[first : first + count].reshape(-1, op.taps, depth)
    if op.groups == 1:
        full[: len(part)] = part[..., in_first : in_first + channels]
        return full
    per_group = outputs // op.groups
    for i in range(len(part)):
        place = (first + i) // per_group * depth - in_first
        full[i, :, place : place + depth] = part[i]
    return full
