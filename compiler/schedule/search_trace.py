"""Record of the search, kept as it goes, so that a user can be told its reasons.

Cycles are those that the search compares: estimates of a layer or a cascade, modelled ones of a
network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cause = Literal["size", "plan", "place", "cycles"]
"""Reason why a map is not resident. size: it is larger than the scratchpad. plan: some layer had no
plan that fits next to it. place: a map found no addresses next to it. cycles: layers during its
life are faster without it."""


@dataclass(frozen=True)
class Way:
    """A way to run a layer: array shape, tiles (how many, the first's size), chunks of weights.

    ``words`` are the scratchpad words that it takes at least if it does not fit, else those it
    would use. ``cycles`` is None if it does not fit.
    """

    shape: int
    tiles: int
    height: int
    width: int
    chunks: int
    order: str
    words: int
    cycles: float | None


@dataclass(frozen=True)
class Choice:
    """The ways weighed for a layer, for ``room`` scratchpad words, and which of them was taken: the
    first of those with the fewest cycles."""

    room: int
    ways: tuple[Way, ...]
    chosen: int


@dataclass(frozen=True)
class Strips:
    """A way to cut a cascade: rows of its output in a strip. ``words`` and ``cycles`` are None if
    it does not fit."""

    rows: int
    words: int | None
    cycles: float | None


@dataclass(frozen=True)
class CascadeChoice:
    """The cuts weighed for a cascade, as in ``Choice``."""

    room: int
    strips: tuple[Strips, ...]
    chosen: int


@dataclass(frozen=True)
class Departure:
    """Reason why a map passes through memory, and the layer for which it was evicted."""

    cause: Cause
    layer: int


@dataclass(frozen=True)
class Release:
    """Eviction of a map to give ``layer`` room: cycles of the layers during its life, before and
    without it; None if one of these then fits in no way."""

    name: str
    layer: int
    before: float
    without: float | None

    @property
    def won(self) -> bool:
        """Whether the release saves cycles."""
        return self.without is not None and self.without < self.before


@dataclass(frozen=True)
class Trial:
    """The layers ``first`` to ``last`` tried as a cascade, with or without ``recompute``, next to
    the cascades found so far.

    ``before`` is the best network's modelled cycles until then, ``cycles`` those with the cascade;
    None if it does not fit or has a layer of another cascade. Of the trials made at once the
    fastest won, if it was faster than before; one with windows only by a margin.
    """

    first: int
    last: int
    recompute: bool
    before: int
    cycles: int | None
    won: bool


@dataclass(frozen=True)
class Residence:
    """Final places of the maps of a segment.

    ``spans`` has the first and last layer during which each map that a layer makes lies in the
    scratchpad, if it does; ``departures`` those that are not kept. ``factors`` are maps of weights
    and ``inner`` those inside cascades, which are always kept. ``shares`` has for each layer the
    share of the room that it was planned for: less than 1 after its buffers found no place.
    ``cascades`` is by first layer.
    """

    spans: dict[str, tuple[int, int]]
    departures: dict[str, Departure]
    factors: frozenset[str]
    inner: frozenset[str]
    releases: tuple[Release, ...]
    shares: tuple[float, ...]
    cascades: dict[int, CascadeChoice]
