"""Places in the scratchpad: rectangles in address and time that never overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from compiler.schedule import placement_kernels


class Placed(NamedTuple):
    """Words ``[address, address + words)`` taken from tile operation ``first`` to tile operation
    ``last``."""

    address: int
    words: int
    first: int
    last: int


def placed_in_turn(words: int, wanted: Sequence[tuple[int, int, int]]) -> list[int]:
    """Addresses in a scratchpad of ``words`` words for whole lines, first and last tile operation,
    each in the smallest gap next to those before; as many as find one."""
    rows, found = (
        np.zeros((len(wanted), len(Placed._fields)), np.int64),
        np.zeros(len(wanted), np.int64),
    )
    sizes = np.array(wanted, np.int64).reshape(-1, 3)
    count = placement_kernels.place_in_turn(rows, np.array([0, words]), sizes, found)
    addresses: list[int] = found[:count].tolist()
    return addresses
