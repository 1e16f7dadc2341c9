"""ConvTranspose with groups, dilations and every padding."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from onnx.reference.op_run import OpRun

Axes = Sequence[int] | None


class ConvTranspose(OpRun):
    """A transposed convolution: each tap adds its product to the places that it reaches."""

    op_domain = ""

    def _run(
        self,
        x: np.ndarray,
        w: np.ndarray,
        b: np.ndarray | None = None,
        auto_pad: str = "NOTSET",
        dilations: Axes = None,
        group: int = 1,
        kernel_shape: Axes = None,
        output_padding: Axes = None,
        output_shape: Axes = None,
        pads: Axes = None,
        strides: Axes = None,
    ) -> tuple[np.ndarray]:
        rank, taps = x.ndim - 2, w.shape[2:]
        stride, spread = strides or [1] * rank, dilations or [1] * rank
        extra = output_padding or [0] * rank
        whole = [
            stride[i] * (x.shape[2 + i] - 1) + (taps[i] - 1) * spread[i] + 1 + extra[i]
            for i in range(rank)
        ]
        size, before = _window(x.shape[2:], whole, stride, auto_pad, output_shape, pads)
        groups = x.reshape(x.shape[0], group, -1, *x.shape[2:])
        kernels = w.reshape(group, -1, *w.shape[1:])
        room = [max(n, p + s) for n, p, s in zip(whole, before, size, strict=True)]
        result = np.zeros((x.shape[0], group, w.shape[1], *room), x.dtype)
        for tap in itertools.product(*map(range, taps)):
            own = kernels.reshape(*kernels.shape[:3], -1)[..., np.ravel_multi_index(tap, taps)]
            product = np.einsum("ngc...,gco->ngo...", groups, own)
            reached = tuple(
                slice(t * d, t * d + s * n, s)
                for t, d, s, n in zip(tap, spread, stride, x.shape[2:], strict=True)
            )
            result[:, :, :, *reached] += product
        kept = tuple(slice(p, p + s) for p, s in zip(before, size, strict=True))
        result = result[:, :, :, *kept].reshape(x.shape[0], -1, *size)
        return (result if b is None else result + b.reshape(-1, *[1] * rank),)


def _window(
    size: Sequence[int],
    whole: Sequence[int],
    stride: Sequence[int],
    mode: str,
    wanted: Axes,
    pads: Axes,
) -> tuple[list[int], list[int]]:
    """Size of the output, and the places before it that padding cuts off."""
    rank, given = len(size), pads or [0] * (2 * len(size))
    if mode in ("SAME_UPPER", "SAME_LOWER") and not wanted:
        wanted = [n * s for n, s in zip(size, stride, strict=True)]
    if not wanted:
        return [whole[i] - given[i] - given[rank + i] for i in range(rank)], list(given[:rank])
    cut = [n - w for n, w in zip(whole, wanted[-rank:], strict=True)]
    small = [c // 2 for c in cut]
    before = small if mode == "SAME_UPPER" else [c - s for c, s in zip(cut, small, strict=True)]
    return list(wanted[-rank:]), before
