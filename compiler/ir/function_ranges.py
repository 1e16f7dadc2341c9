"""Real range and mean square of a function of one value, applied to normal values.

Only exactly rounded arithmetic is used (no exponential of the C library), so that the results are
the same on every machine. They are estimates, good to about a hundredth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Range = tuple[float, float]

#: Points between the ends of a range at which a function is looked at.
_POINTS = 64

#: Squarings in the exponential.
_SQUARINGS = 12

#: The table of a lookup holds any value, and all alike.
_LOOKUP = (-2.0, 2.0)
_LOOKUP_MEAN_SQUARE = 4 / 3

#: The scale and zero point of these in the TFLite specification: 1/256, -128 and 1/128, 0.
_FIXED = {"sigmoid": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}


def function_range(op: str, attrs: Mapping[str, float], low: float, high: float) -> Range:
    """The smallest and largest result, 0 among them, for inputs from ``low`` to ``high``."""
    if op == "lookup":
        return _LOOKUP
    if op in _FIXED:
        return _FIXED[op]
    step = (high - low) / _POINTS
    results = [_SHAPES[op](low + i * step, attrs) for i in range(_POINTS + 1)]
    first, last = min(0.0, *results), max(0.0, *results)
    return (first, last) if first < last else (0.0, 1.0)


def function_mean_square(op: str, attrs: Mapping[str, float], deviation: float) -> float:
    """The mean square of the results for normal inputs of mean 0; 1 where all of them are 0."""
    if op == "lookup":
        return _LOOKUP_MEAN_SQUARE
    total = weights = 0.0
    for i in range(_POINTS + 1):
        z = 8 * i / _POINTS - 4
        weight = _exp(-z * z / 2)
        result = _SHAPES[op](z * deviation, attrs)
        total += weight * result * result
        weights += weight
    return total / weights or 1.0


def _clipped(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def _exp(x: float) -> float:
    """``(1 + x / n)**n``."""
    value = 1 + _clipped(x, -50.0, 50.0) / (1 << _SQUARINGS)
    for _ in range(_SQUARINGS):
        value *= value
    return value


def _sigmoid(x: float) -> float:
    return 1 / (1 + _exp(-x))


_SHAPES: dict[str, Callable[[float, Mapping[str, float]], float]] = {
    "relu": lambda x, _: max(x, 0.0),
    "relu6": lambda x, _: _clipped(x, 0.0, 6.0),
    "relu_n1_to_1": lambda x, _: _clipped(x, -1.0, 1.0),
    "leaky_relu": lambda x, a: x if x >= 0 else a["alpha"] * x,
    "hard_swish": lambda x, _: x * _clipped(x / 6 + 0.5, 0.0, 1.0),
    "hard_sigmoid": lambda x, a: _clipped(a["alpha"] * x + a["beta"], 0.0, 1.0),
    "sigmoid": lambda x, _: _sigmoid(x),
    "tanh": lambda x, _: 2 * _sigmoid(2 * x) - 1,
    "silu": lambda x, _: x * _sigmoid(x),
    "gelu": lambda x, _: x * _sigmoid(1.702 * x),
}
