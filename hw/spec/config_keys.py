"""The keys of a configuration: units, bounds and meanings, and the error for wrong ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIZE = re.compile(r"(\d{1,9}) ?(KiB|MiB)")
"""Text of a size in bytes with a unit."""
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}


class ConfigurationError(ValueError):
    """A configuration key is unknown or its value impossible; the message names key, value and
    what is accepted."""


def check_value(ok: bool, key: str, value: object, accepted: str) -> None:
    """Raise ConfigurationError unless ``ok``."""
    if not ok:
        raise ConfigurationError(f"configuration {key}={value!r} must be {accepted}")


@dataclass(frozen=True)
class Key:
    """One key: the unit of its value, what is accepted, and its meaning."""

    unit: str
    accepted: str
    meaning: str


KEYS = {
    "name": Key(
        "",
        "an identifier: a string of letters, digits and _, no digit first, 64 at most",
        "name of the machine in files and reports",
    ),
    "rows": Key("lanes", "4, 8, 16, 32 or 64", "pixel lanes of the array"),
    "cols": Key(
        "columns", "4, 8, 16, 32 or 64", "channel columns of the array, and bytes of a word"
    ),
    "bus_bytes": Key(
        "bytes", "4, 8, 16, 32 or 64", "data width of the memory bus; cols unless given"
    ),
    "shapes": Key(
        "pixels, channels",
        "the three that follow from rows and cols",
        "array shapes that a command may choose; follow rows and cols",
    ),
    "line_words": Key(
        "words", "4 or 8", "words that one access to the scratchpad moves, and its banks"
    ),
    "scratchpad_bytes": Key(
        "bytes",
        "64 to 65,536 lines of line_words * cols bytes; 512KiB and 1MiB are read too, "
        "and the key scratchpad",
        "scratchpad for activations, weights, parameters and tables",
    ),
    "requant_lanes": Key(
        "values per cycle",
        "cols / 2, cols or 2 * cols, at most cols * rows / 4",
        "output values requantised per cycle",
    ),
    "address_lanes": Key(
        "lanes",
        "rows, rows / 2 or rows / 4",
        "lanes whose input addresses are computed in a cycle; rows unless given",
    ),
    "queue_depth": Key("commands", "2 to 16", "commands that each unit's queue holds"),
    "memory.latency": Key(
        "cycles", "an integer from 1 to 1000", "cycles from a read request to its first beat"
    ),
    "memory.bytes_per_cycle": Key(
        "bytes per cycle",
        "0 or a divisor of bus_bytes",
        "bytes that the memory moves per cycle; 0: bus_bytes",
    ),
}
"""All keys that ``--set`` and configuration files take, in the order of reports."""


def size(value: object) -> object:
    """The bytes that a text such as ``512KiB`` means; any other value as it is."""
    match = SIZE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * UNITS[match[2]] if match else value
