"""Damage to model files: what a reader may meet, from a seeded generator."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Integers at the ends of their types."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    7,
    255,
    65536,
    2**31,
    2**63,
    -(2**31),
    10**40,
    0.0,
    -0.5,
    0.1,
    1e-40,
    1e300,
    "",
    "x",
    "int8",
    "float32",
    "é\n",
    [],
    [0],
    [1, 1],
    [3, 0, 1, 2],
    [[1]],
    {},
    {"a": 1},
)
"""What takes the place of a value in a document."""


def damaged_bytes(rng: random.Random, data: bytes) -> bytes:
    """The file with one to three places changed, cut, repeated or inserted."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _damage(rng, result)
    return bytes(result)


def _damage(rng: random.Random, data: bytearray) -> None:
    place = rng.randrange(len(data) + 1)
    kind = rng.choice(("flip", "flip", "byte", "byte", "edge", "edge", "cut", "drop", "repeat"))
    if kind == "cut":
        del data[place:]
    elif kind == "drop":
        del data[place : place + rng.randrange(1, 9)]
    elif kind == "repeat":
        data[place:place] = data[place : place + rng.randrange(1, 65)]
    elif place < len(data):
        if kind == "flip":
            data[place] ^= 1 << rng.randrange(8)
        elif kind == "byte":
            data[place] = rng.randrange(256)
        else:
            size = rng.choice((2, 4, 8))
            data[place : place + size] = rng.choice(EDGES).to_bytes(8, "little")[:size]


def damaged_document(rng: random.Random, document: Any) -> str:
    """The JSON text of the document with one to three values replaced, removed, moved or added."""
    result = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(result))
        if places:
            _replace(rng, *rng.choice(places), places)
    return json.dumps(result)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def _replace(rng: random.Random, container: Any, key: Any, places: list[tuple[Any, Any]]) -> None:
    kind = rng.choice(("value", "value", "value", "other", "near", "remove", "add"))
    found = container[key]
    if kind == "remove":
        del container[key]
    elif kind == "add":
        other = copy.deepcopy(rng.choice(VALUES))
        if isinstance(container, dict):
            container[rng.choice(("x", "name", "quant", "attrs", "stride", "groups"))] = other
        else:
            container.insert(key, other)
    elif kind == "other":
        where, name = rng.choice(places)
        if name in where if isinstance(where, dict) else name < len(where):
            container[key] = copy.deepcopy(where[name])
    elif kind == "near" and isinstance(found, int) and not isinstance(found, bool):
        container[key] = found + rng.choice((-1, 1, 16))
    else:
        container[key] = copy.deepcopy(rng.choice(VALUES))
