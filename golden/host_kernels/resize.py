"""Resize axis by axis, with places in float32 as onnxruntime computes them.

A place next to a tie may lie on either side of it, which decides the nearest pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.reference.op_run import OpRun
from onnx.reference.ops.op_resize import Resize as Reference

_CROP = "tf_crop_and_resize"
_HALF = np.float32(0.5)

Places = NDArray[np.float32]
"""Places in an axis, in pixels."""


class Resize(OpRun):
    """Nearest, linear and cubic; those that avoid aliases are the reference's."""

    op_domain = ""

    def _run(
        self,
        x: np.ndarray,
        roi: Any = None,
        scales: Any = None,
        sizes: Any = None,
        antialias: int = 0,
        axes: Sequence[int] | None = None,
        coordinate_transformation_mode: str = "half_pixel",
        cubic_coeff_a: float = -0.75,
        exclude_outside: int = 0,
        extrapolation_value: float = 0.0,
        keep_aspect_ratio_policy: str = "stretch",
        mode: str = "nearest",
        nearest_mode: str = "round_prefer_floor",
    ) -> tuple[np.ndarray]:
        if antialias:
            resized: tuple[np.ndarray] = Reference(self.onnx_node, self.run_params)._run(
                x,
                roi,
                scales,
                sizes,
                antialias,
                axes,
                coordinate_transformation_mode,
                cubic_coeff_a,
                exclude_outside,
                extrapolation_value,
                keep_aspect_ratio_policy,
                mode,
                nearest_mode,
            )
            return resized
        axes_there = list(range(x.ndim)) if axes is None else [int(a) % x.ndim for a in axes]
        plans = _plans(x.shape, axes_there, scales, sizes, keep_aspect_ratio_policy)
        result, outside = x, {}
        for axis, scale, new in plans:
            old = x.shape[axis]
            if scale == 1 and new == old and coordinate_transformation_mode != _CROP:
                continue
            places_there = np.arange(new, dtype=np.float32)
            if coordinate_transformation_mode == _CROP:
                index, count = axes_there.index(axis), len(axes_there)
                at = _cropped(places_there, roi[index], roi[count + index], new, old)
                outside[axis] = (at < 0) | (at > old - 1)
            else:
                at = COORDINATES[coordinate_transformation_mode](
                    places_there, np.float32(scale), new, old
                )
            taps, weights = _TAPS[mode](at, old, scale, nearest_mode, cubic_coeff_a)
            if exclude_outside and mode == "cubic":
                weights = np.where((taps >= 0) & (taps < old), weights, 0)
                weights = weights / weights.sum(axis=1, keepdims=True)
            result = _weighted(result, axis, np.clip(taps, 0, old - 1), weights)
        for axis, mask in outside.items():
            shape = [-1 if a == axis else 1 for a in range(x.ndim)]
            result = np.where(mask.reshape(shape), np.float32(extrapolation_value), result)
        return (result.astype(x.dtype),)


Plan = tuple[int, Any, int]
"""An axis, its scale in float32 and its new size."""


def _plans(
    shape: Sequence[int], axes: list[int], scales: Any, sizes: Any, policy: str
) -> list[Plan]:
    if sizes is None or not np.size(sizes):
        factors = [np.float32(s) for s in scales]
        return [
            (a, s, int(np.floor(np.float32(shape[a]) * s)))
            for a, s in zip(axes, factors, strict=True)
        ]
    factors = [np.float32(n) / np.float32(shape[a]) for n, a in zip(sizes, axes, strict=True)]
    if policy == "stretch":
        return list(zip(axes, factors, map(int, sizes), strict=True))
    common = min(factors) if policy == "not_larger" else max(factors)
    return [(a, common, int(np.floor(np.float32(shape[a]) * common + _HALF))) for a in axes]


def _weighted(x: np.ndarray, axis: int, taps: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The sum over taps ``[new, count]`` of the pixels there times their weights."""
    moved = np.moveaxis(x, axis, -1)
    if weights.shape[1] == 1:
        return np.moveaxis(moved[..., taps[:, 0]], -1, axis)
    total = moved[..., taps[:, 0]] * weights[:, 0]
    for i in range(1, weights.shape[1]):
        total = total + moved[..., taps[:, i]] * weights[:, i]
    return np.moveaxis(total, -1, axis)


def _cropped(x: np.ndarray, start: Any, end: Any, new: int, old: int) -> np.ndarray:
    """Places from ``start`` to ``end``, shares of the old axis."""
    first, last = np.float32(start), np.float32(end)
    length = np.float32(old - 1)
    if new == 1:
        return np.full_like(x, _HALF * (first + last) * length)
    return first * length + x * (last - first) * length / np.float32(new - 1)


def _symmetric(x: Places, scale: np.float32, new: int, old: int) -> Places:
    adjustment = np.float32(new) / (scale * np.float32(old))
    centre = np.float32(old) / np.float32(2)
    return centre * (np.float32(1) - adjustment) + (x + _HALF) / scale - _HALF


#: Place in the old axis of each pixel of the new one, by its number.
COORDINATES: dict[str, Callable[[Places, Any, int, int], Places]] = {
    "half_pixel": lambda x, scale, new, old: (x + _HALF) / scale - _HALF,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda x, scale, new, old: (
        (x + _HALF) / scale - _HALF if new > 1 else np.zeros_like(x)
    ),
    "tf_half_pixel_for_nn": lambda x, scale, new, old: (x + _HALF) / scale,
    "align_corners": lambda x, scale, new, old: (
        x * np.float32(old - 1) / np.float32(new - 1) if new > 1 else np.zeros_like(x)
    ),
    "asymmetric": lambda x, scale, new, old: x / scale,
}

Taps = tuple[np.ndarray, np.ndarray]
"""Pixels of the old axis for each of the new one, and their weights, ``[new, count]`` each."""


def _nearest(at: np.ndarray, old: int, scale: Any, rounding: str, _: float) -> Taps:
    tie = at - np.floor(at) == _HALF
    rounded = {
        "round_prefer_floor": np.where(tie, np.floor(at), np.floor(at + _HALF)),
        "round_prefer_ceil": np.where(tie, np.ceil(at), np.floor(at + _HALF)),
        "floor": np.floor(at),
        "ceil": np.ceil(at),
        # Before operator set 11: up where the axis shrinks.
        "": np.ceil(at) if scale < 1 else np.trunc(at),
    }[rounding]
    return rounded.astype(np.int64)[:, None], np.ones((len(at), 1), np.float32)


def _linear(at: np.ndarray, old: int, scale: Any, rounding: str, _: float) -> Taps:
    at = np.clip(at, 0, old - 1).astype(np.float32)
    first = np.minimum(at.astype(np.int64), old - 1)
    share = (at - first).astype(np.float32)
    return (
        np.stack([first, np.minimum(first + 1, old - 1)], 1),
        np.stack([np.float32(1) - share, share], 1),
    )


def _cubic(at: np.ndarray, old: int, scale: Any, rounding: str, a: float) -> Taps:
    first = np.floor(at)
    share = (at - first).astype(np.float32)
    a32 = np.float32(a)

    def far(d: Places) -> Places:
        return ((a32 * d - 5 * a32) * d + 8 * a32) * d - 4 * a32

    def near(d: Places) -> Places:
        return ((a32 + 2) * d - (a32 + 3)) * d * d + 1

    weights = [far(share + 1), near(share), near(1 - share), far(2 - share)]
    taps = first.astype(np.int64)[:, None] + np.arange(-1, 3)
    return taps, np.stack(weights, 1).astype(np.float32)


_TAPS: dict[str, Callable[[np.ndarray, int, Any, str, float], Taps]] = {
    "nearest": _nearest,
    "linear": _linear,
    "cubic": _cubic,
}
