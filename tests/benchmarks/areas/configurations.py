"""The configurations that are synthesised, small to middle ones of up to 256 MAC units."""

from __future__ import annotations

from hw.spec.config import INTEGERS, AccelConfig, to_dict

KEYS = INTEGERS
"""Keys of a configuration, in the order of the columns of a file."""
HELD_OUT = 3
"""Of so many configurations in turn the last one is not fitted, but predicted."""

_KIB = 1 << 10
_SIZES = (
    # rows, columns, bus bytes, line words, scratchpad KiB, words of the requantiser, cycles of the
    # addresses, queue depth
    (4, 4, 4, 8, 60, 1, 2, 4),
    (4, 4, 8, 4, 32, 1, 1, 2),
    (8, 4, 4, 8, 64, 2, 2, 4),
    (8, 8, 8, 4, 128, 2, 4, 4),
    (4, 8, 8, 8, 64, 1, 4, 8),
    (16, 8, 8, 4, 368, 1, 4, 4),
    (8, 8, 4, 8, 96, 1, 2, 4),
    (4, 16, 16, 4, 128, 1, 2, 4),
    (16, 4, 4, 4, 64, 2, 4, 4),
    (16, 16, 16, 4, 512, 1, 4, 8),
    (8, 16, 16, 8, 256, 2, 2, 2),
    (8, 4, 4, 4, 48, 1, 1, 16),
    (4, 32, 32, 8, 256, 1, 1, 4),
    (32, 4, 8, 4, 128, 1, 2, 4),
    (16, 8, 8, 8, 256, 2, 2, 4),
    (64, 4, 4, 4, 128, 2, 4, 4),
    (4, 16, 8, 8, 192, 1, 1, 4),
    (8, 8, 16, 4, 64, 1, 1, 6),
    (16, 4, 8, 8, 128, 1, 1, 4),
    (4, 64, 16, 4, 512, 1, 4, 4),
    (32, 8, 8, 8, 512, 2, 4, 4),
    (16, 16, 16, 8, 992, 2, 1, 4),
    (8, 32, 32, 4, 512, 1, 4, 4),
    (16, 4, 4, 4, 96, 1, 2, 4),
)


def _configuration(sizes: tuple[int, ...]) -> AccelConfig:
    rows, cols, bus, line, kib, words, cycles, depth = sizes
    return AccelConfig(
        name="area",
        rows=rows,
        cols=cols,
        bus_bytes=bus,
        line_words=line,
        scratchpad_bytes=kib * _KIB,
        requant_lanes=words * cols,
        address_lanes=rows // cycles,
        queue_depth=depth,
    )


CONFIGURATIONS = tuple(map(_configuration, _SIZES))
"""Among them ``tiny``, ``ecp5`` and ``edge256``."""


def key_of(config: AccelConfig) -> tuple[int, ...]:
    """What tells a configuration from others: its sizes, in the order of KEYS."""
    values = to_dict(config)
    return tuple(values[name] for name in KEYS)


def is_held_out(config: AccelConfig) -> bool:
    """Whether no coefficient is fitted to a configuration. Raises ValueError for an unknown one."""
    place = [key_of(known) for known in CONFIGURATIONS].index(key_of(config))
    return place % HELD_OUT == HELD_OUT - 1
