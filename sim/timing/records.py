"""Record types: the state of a unit as named integers, which compiled code reads as attributes."""

import numpy as np


def record_type(*names: str, **arrays: int) -> np.dtype:
    """A record of int64 members ``names``, and of ``arrays``: each a name and its length."""
    members = [(name, np.int64) for name in names]
    return np.dtype(members + [(name, np.int64, (length,)) for name, length in arrays.items()])
