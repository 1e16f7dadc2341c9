"""Post-processor parameters that equal a scaling in float64 with a single rounding.

LiteRT's fully connected kernel computes ``round_half_away(float64(acc) * scale)``. Both that and
the post-processor's result never fall when ``acc`` rises, so they agree everywhere if each output
value begins at the same accumulator in both. That is checked for every output value, and the
shifts and the last digits of the multiplier are chosen so that it holds.
"""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.passes.layer import Requant
from golden.fixed import quantize_multiplier, rounding_divide_by_pot
from golden.quant import round_half_away

#: Changes of the multiplier that are tried, in units of its last digit.
NUDGES = (0, 1, -1, 2, -2, 3, -3)


def exact_requant(
    scales: np.ndarray, bias: np.ndarray, bounds: np.ndarray, steps: tuple[int, int], where: str
) -> Requant:
    """Parameters for float64 ``scales``, one for each channel.

    ``bounds`` are the largest magnitudes of each channel's accumulator with its bias. ``steps`` are
    the smallest and largest result, before the zero point, that the clamp leaves apart. Raises
    UnsupportedError for a scale that cannot be met.
    """
    found: dict[tuple[float, int], tuple[int, int, int]] = {}
    rows = []
    for channel, (scale, bound) in enumerate(zip(scales, bounds, strict=True)):
        key = (float(scale), int(bound).bit_length())
        if key not in found:
            limit = (1 << key[1]) - 1
            match = _match(key[0], limit, steps)
            if match is None:
                raise UnsupportedError(
                    f"{where}: output channel {channel} has the scale {key[0]!r}, which no 31-bit "
                    "multiplier and shift equal on all accumulators; another output scale is "
                    "accepted"
                )
            found[key] = match
        rows.append(found[key])
    multiplier, left, right = np.array(rows, np.int64).T
    return Requant(bias, multiplier, left, right)


def _match(scale: float, bound: int, steps: tuple[int, int]) -> tuple[int, int, int] | None:
    """Multiplier, left and right shift that agree on all accumulators up to ``bound``."""
    first, above = _thresholds(scale, bound, steps)
    base, shift = quantize_multiplier(scale)
    if base == 0:
        return (0, 0, 0) if not len(first) else None
    highest = max(31 - bound.bit_length(), shift, 0)
    lowest = max(shift, 0)
    for left in range(min(highest, shift + 31), lowest - 1, -1):
        for nudge in NUDGES:
            multiplier = base + nudge
            if not 1 << 30 <= multiplier < 1 << 31:
                continue
            args = (multiplier, left, left - shift)
            if np.all(_machine(first, *args) >= above) and np.all(
                _machine(first - 1, *args) < above
            ):
                return args
    return None


def _thresholds(
    scale: float, bound: int, steps: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """For each result above the lowest: the smallest accumulator that gives it, if reachable."""
    results = np.arange(steps[0] + 1, steps[1] + 1)
    near = np.ceil((results - 0.5) / scale)
    reachable = np.abs(near) <= bound
    results, near = results[reachable], near[reachable].astype(np.int64)
    first = near + 2
    for offset in (1, 0, -1, -2):
        candidate = near + offset
        reaches = round_half_away(candidate.astype(np.float64) * scale) >= results
        first = np.where(reaches, candidate, first)
    return first, results


def _machine(acc: np.ndarray, multiplier: int, left: int, right: int) -> np.ndarray:
    high = ((acc << left) * multiplier + (1 << 30)) >> 31
    return rounding_divide_by_pot(high, right)
