"""AveragePool, MaxPool and LpPool over windows that NumPy slides, and LRN.

With ``ceil_mode`` a window that would begin in the padding at the end is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_max_pool import MaxPool as Reference

Axes = Sequence[int] | None


class _Windows:
    """Places of the windows of a pool over an array of the spatial sizes ``size``."""

    def __init__(
        self,
        size: Sequence[int],
        kernel: Sequence[int],
        strides: Axes,
        dilations: Axes,
        pads: Axes,
        auto_pad: str,
        ceil_mode: int,
    ) -> None:
        rank = len(size)
        self.kernel, self.stride = kernel, strides or [1] * rank
        self.spread = dilations or [1] * rank
        self.span = [(k - 1) * d + 1 for k, d in zip(kernel, self.spread, strict=True)]
        self.pads = [(pads[i], pads[rank + i]) if pads else (0, 0) for i in range(rank)]
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            self.pads = [self._same(size[i], i, auto_pad) for i in range(rank)]
        elif auto_pad == "VALID":
            self.pads = [(0, 0)] * rank
        self.outputs = [self._count(size[i], i, bool(ceil_mode)) for i in range(rank)]
        #: Beyond the padding, what the last window reads.
        self.beyond = [
            max((n - 1) * s + w - before - each - after, 0)
            for n, s, w, each, (before, after) in zip(
                self.outputs, self.stride, self.span, size, self.pads, strict=True
            )
        ]

    def _same(self, size: int, i: int, mode: str) -> tuple[int, int]:
        outputs = -(-size // self.stride[i])
        total = max((outputs - 1) * self.stride[i] + self.span[i] - size, 0)
        small = total // 2
        return (small, total - small) if mode == "SAME_UPPER" else (total - small, small)

    def _count(self, size: int, i: int, up: bool) -> int:
        (before, after), stride = self.pads[i], self.stride[i]
        room = size + before + after - self.span[i]
        if not up:
            return room // stride + 1
        outputs = -(-room // stride) + 1
        return outputs - 1 if (outputs - 1) * stride >= size + before else outputs

    def of(self, x: np.ndarray, fill: float, beyond: float | None = None) -> np.ndarray:
        """The windows of ``x [N, C, ...]``, its padding ``fill``: ``[N, C, ..., taps]``."""
        whole = np.pad(x, [(0, 0), (0, 0), *self.pads], constant_values=fill)
        more = [(0, 0), (0, 0), *((0, b) for b in self.beyond)]
        whole = np.pad(whole, more, constant_values=fill if beyond is None else beyond)
        axes = tuple(range(2, x.ndim))
        every = np.lib.stride_tricks.sliding_window_view(whole, tuple(self.span), axes)
        steps = tuple(
            slice(0, (n - 1) * s + 1, s) for n, s in zip(self.outputs, self.stride, strict=True)
        )
        taps = tuple(slice(None, None, d) for d in self.spread)
        picked = every[(slice(None), slice(None), *steps, *taps)]
        return picked.reshape(*picked.shape[: x.ndim], -1)


class MaxPool(OpRun):
    """The largest value of each window; with indices, the reference's."""

    op_domain = ""

    def _run(self, x: np.ndarray, **attrs: Any) -> tuple[np.ndarray, ...]:
        if len(self.onnx_node.output) > 1:
            reference: Any = Reference(self.onnx_node, self.run_params)
            found: tuple[np.ndarray, ...] = reference._run(x, **attrs)
            return found
        return (_windows(x, attrs).of(x, -np.inf).max(axis=-1).astype(x.dtype),)


class AveragePool(OpRun):
    """The mean of each window: of its pixels, or of those and the padding."""

    op_domain = ""

    def _run(self, x: np.ndarray, count_include_pad: int = 0, **attrs: Any) -> tuple[np.ndarray]:
        windows = _windows(x, attrs)
        ones = np.ones((1, 1, *x.shape[2:]), np.float32)
        counts = windows.of(ones, 1.0 if count_include_pad else 0.0, 0.0).sum(axis=-1)
        return ((windows.of(x, 0.0).sum(axis=-1) / counts).astype(x.dtype),)


class LpPool(OpRun):
    """The norm of each window."""

    op_domain = ""

    def _run(self, x: np.ndarray, p: int = 2, **attrs: Any) -> tuple[np.ndarray]:
        powers = _windows(x, attrs).of(np.abs(x) ** np.float32(p), 0.0).sum(axis=-1)
        return ((powers ** np.float32(1 / p)).astype(x.dtype),)


def _windows(x: np.ndarray, attrs: dict[str, Any]) -> _Windows:
    return _Windows(
        x.shape[2:],
        attrs["kernel_shape"],
        attrs.get("strides"),
        attrs.get("dilations"),
        attrs.get("pads"),
        attrs.get("auto_pad") or "NOTSET",
        attrs.get("ceil_mode") or 0,
    )


class LRN(OpRun):
    """Each value divided by a power of the squares of the channels next to it."""

    op_domain = ""

    def _run(
        self,
        x: np.ndarray,
        alpha: float = 1e-4,
        beta: float = 0.75,
        bias: float = 1.0,
        size: int = 1,
    ) -> tuple[np.ndarray]:
        before, after = (size - 1) // 2, size // 2
        squares = np.square(x)
        total = np.zeros_like(x)
        for channel in range(x.shape[1]):
            near = squares[:, max(channel - before, 0) : channel + after + 1]
            total[:, channel] = near.sum(axis=1)
        scale = np.float32(bias) + np.float32(alpha / size) * total
        return ((x / scale ** np.float32(beta)).astype(x.dtype),)
