"""Post-processor parameters that equal a scaling in float64 with a single rounding.

LiteRT's fully connected kernel computes ``round_half_away(float64(acc) * scale)``. Both that and
the post-processor's result with ``round_once`` never fall when ``acc`` rises, so they agree
everywhere if each output value begins at the same accumulator in both. Each such start bounds the
multiplier from below and above; a multiplier within all bounds is found for some shift, or the
scale is refused.
"""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.hwir.network import Requant
from golden.fixed import quantize_multiplier
from golden.quant import round_half_away

#: Multipliers that are tried lie this close to the nearest one.
REACH = 1 << 16

#: Larger than every multiplier.
UNREACHED = 1 << 32

#: A scale from which on every accumulator but 0 gives a result beyond all steps of eight bits.
SATURATING = 256.0


class InexactError(UnsupportedError):
    """A scale that the post-processor cannot meet on every accumulator."""


def exact_requant(
    scales: np.ndarray, bias: np.ndarray, limits: np.ndarray, steps: tuple[int, int], where: str
) -> Requant:
    """Parameters for float64 ``scales``, one for each channel.

    ``limits`` holds the smallest and largest accumulator of each channel, bias included,
    ``[2, channels]``. ``steps`` are the smallest and largest result, before the zero point, that
    the clamp leaves apart. Raises InexactError for a scale that cannot be met.
    """
    found: dict[tuple[float, int], tuple[int, int, int]] = {}
    rows = []
    largest = np.abs(limits).max(axis=0).tolist()
    for channel, scale in enumerate(scales.tolist()):
        key = (scale, largest[channel].bit_length())
        if key not in found:
            match = _match(scale, min((1 << key[1]) - 1, (1 << 31) - 1), steps)
            if match is None:
                raise InexactError(
                    f"{where}: output channel {channel} has the scale {scale!r}, which no 31-bit "
                    "multiplier and shift equal on all accumulators; another output scale is "
                    "accepted"
                )
            found[key] = match
        rows.append(found[key])
    multiplier, left, right = np.array(rows, np.int64).T
    return Requant(bias, multiplier, left, right)


def _match(scale: float, bound: int, steps: tuple[int, int]) -> tuple[int, int, int] | None:
    """Multiplier, left and right shift that agree on all accumulators up to ``bound``.

    The left shift keeps them in 32 bits, where golden, which scales real numbers, saturates.
    """
    scale = min(scale, SATURATING)
    starts, results = _starts(scale, bound, steps)
    base, shift = quantize_multiplier(scale)
    if base == 0:
        return (0, 0, 0) if not len(starts) else None
    lowest = max(shift + 1, 0)
    highest = min(31 - bound.bit_length(), shift + 31)
    for left in range(highest, lowest - 1, -1):
        low, high = _bounds(starts, results, base, left, left - shift)
        low, high = max(low, 1), min(high, (1 << 31) - 1)
        if low <= high:
            return min(max(base, low), high), left, left - shift
    return None


def _starts(scale: float, bound: int, steps: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Smallest accumulator that gives each result above the lowest, if reachable."""
    results = np.arange(steps[0] + 1, steps[1] + 1)
    near = np.ceil((results - 0.5) / scale)
    reachable = np.abs(near) < bound
    results, near = results[reachable], near[reachable].astype(np.int64)
    first = near + 2
    for offset in (1, 0, -1, -2):
        candidate = near + offset
        reaches = round_half_away(candidate.astype(np.float64) * scale) >= results
        first = np.where(reaches, candidate, first)
    return first, results


def _bounds(
    starts: np.ndarray, results: np.ndarray, base: int, left: int, right: int
) -> tuple[int, int]:
    """The multipliers within REACH of ``base`` that give each result from its start on.

    For a positive accumulator the result rises with the multiplier, for a negative one it falls:
    the start must reach the result and the accumulator before it must not.
    """
    low, high = base - REACH, base + REACH
    for acc, wanted in ((starts, True), (starts - 1, False)):
        for sign in (1, -1):
            chosen = np.sign(acc) == sign
            if not chosen.any():
                continue
            change = _change(acc[chosen], results[chosen], left, right, sign)
            if wanted == (sign > 0):
                low = max(low, int(change.max()))
            else:
                high = min(high, int(change.min()) - 1)
    return low, high


def _change(acc: np.ndarray, results: np.ndarray, left: int, right: int, sign: int) -> np.ndarray:
    """Multiplier for each accumulator of one sign, from which on its result is, for positive
    ones, at least ``results`` and, for negative ones, less; UNREACHED for more than 31 bits."""
    shift = 31 + right
    # The magnitude's steps that change the result: product + half >= steps * 2**shift.
    steps = results if sign > 0 else 1 - results
    apart = steps <= np.iinfo(np.int64).max >> shift
    product = (np.where(apart, steps, 0) << shift) - (1 << (shift - 1))
    return np.where(apart, -(-product // (np.abs(acc) << left)), UNREACHED)
