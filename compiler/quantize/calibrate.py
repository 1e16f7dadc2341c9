"""Ranges of activations from samples, and the int8 parameters that fit them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from compiler.errors import InputError, UnsupportedError, show
from compiler.quantize.runtime import Runner
from compiler.quantize.samples import Sample

#: Values kept of each tensor, over all samples.
KEPT = 1 << 16
_SEED = 0

#: Fractions of the whole range among which ``mse`` chooses.
_FRACTIONS = np.linspace(1.0, 0.3, 36)


@dataclass(frozen=True)
class Statistics:
    """Statistics of a tensor: its shape, the least and the largest value of each sample in rising
    order, some of its values, and the largest magnitude of each channel (axis 1, or the only one),
    of which it had ``count`` values.
    """

    shape: tuple[int, ...]
    lows: np.ndarray
    highs: np.ndarray
    values: np.ndarray
    peak: np.ndarray
    count: int

    @property
    def low(self) -> float:
        """The least value."""
        return float(self.lows[0])

    @property
    def high(self) -> float:
        """The largest value."""
        return float(self.highs[-1])


@dataclass(frozen=True)
class Parameters:
    """int8: ``real = scale * (q - zero_point)``; the scale is a float32 number."""

    scale: float
    zero_point: int


def collect(
    model: onnx.ModelProto, names: Sequence[str], samples: Sequence[Sample]
) -> dict[str, Statistics]:
    """Statistics of the named tensors over the samples.

    Raises InputError for NaN or infinity, UnsupportedError for a tensor without elements.
    """
    runner = Runner(model, names)
    generator = np.random.default_rng(_SEED)
    count = max(KEPT // len(samples), 1)
    lows: dict[str, list[float]] = {name: [] for name in names}
    highs: dict[str, list[float]] = {name: [] for name in names}
    kept: dict[str, list[np.ndarray]] = {name: [] for name in names}
    peaks: dict[str, np.ndarray] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    counts = dict.fromkeys(names, 0)
    for sample in samples:
        for name, array in runner.run(sample).items():
            if not array.size:
                raise UnsupportedError(
                    f"tensor {show(name)}: shape {list(array.shape)} has no elements; at least one "
                    "is accepted for a model to be quantised"
                )
            if not np.isfinite(array).all():
                raise InputError(f"tensor {show(name)} is not finite for a calibration input")
            lows[name].append(float(array.min()))
            highs[name].append(float(array.max()))
            flat = array.reshape(-1)
            picked = flat if flat.size <= count else generator.choice(flat, count)
            kept[name].append(picked)
            shapes[name] = array.shape
            others = tuple(a for a in range(array.ndim) if a != min(1, array.ndim - 1))
            peak = np.abs(array).max(axis=others)
            peaks[name] = np.maximum(peaks.get(name, peak), peak)
            counts[name] += array.size // peak.size
    return {
        name: Statistics(
            shapes[name],
            np.sort(lows[name]),
            np.sort(highs[name]),
            np.concatenate(kept[name]),
            peaks[name],
            counts[name],
        )
        for name in names
    }


def parameters(low: float, high: float) -> Parameters:
    """The parameters of the range, widened to hold 0, which is a stored value."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / 255))
    if scale < np.finfo(np.float32).tiny:
        return Parameters(1.0, 0)
    return Parameters(scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def _minmax(seen: Statistics) -> tuple[float, float]:
    return seen.low, seen.high


def _mse(seen: Statistics) -> tuple[float, float]:
    """The fraction of the whole range with the least mean square error of the values."""
    best, least = _minmax(seen), np.inf
    values = seen.values.astype(np.float64)
    for fraction in _FRACTIONS:
        low, high = seen.low * fraction, seen.high * fraction
        p = parameters(low, high)
        steps = np.clip(np.rint(values / p.scale) + p.zero_point, -128, 127)
        error = float(np.square((steps - p.zero_point) * p.scale - values).mean())
        if error < least:
            best, least = (low, high), error
    return best


#: Ways to choose the range of a tensor.
METHODS: dict[str, Callable[[Statistics], tuple[float, float]]] = {
    "minmax": _minmax,
    "mse": _mse,
}
