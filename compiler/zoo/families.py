"""Families of networks by width, depth, resolution and more, for searches.

Depths multiply the repeats of each stage and round up, as in EfficientNet (arXiv 1905.11946).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from compiler.errors import InputError, show
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.zoo.builder import Pair
from compiler.zoo.efficientnet_lite import efficientnet_lite
from compiler.zoo.mobilenet_v1 import mobilenet_v1
from compiler.zoo.mobilenet_v2 import mobilenet_v2

FAMILIES: dict[str, Callable[..., Graph]] = {
    "efficientnet_lite": efficientnet_lite,
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
}
RESOLUTION = "resolution"
"""The argument that is the height and width of the input in pixels, 224 unless given."""
_BOUNDS: dict[str, tuple[float, float]] = {
    RESOLUTION: (8, 4096),
    "width": (0.05, 16.0),
    "depth": (0.05, 16.0),
    "kernel": (1, 15),
    "expansion": (1, 16),
}
"""Least and greatest value of each argument. Bounds that are whole numbers take whole ones."""


def arguments_of(family: str) -> tuple[str, ...]:
    """The arguments that a family takes. Raises InputError for an unknown family."""
    if family not in FAMILIES:
        raise InputError(f"family {show(family)}; accepted: {', '.join(FAMILIES)}")
    names = list(inspect.signature(FAMILIES[family]).parameters)
    return (RESOLUTION, *names[2:])


def member(family: str, arguments: Mapping[str, Any]) -> Graph:
    """A network of a family, named after it, without values.

    Raises InputError for an argument that the family does not take, or out of bounds.
    """
    accepted = arguments_of(family)
    for name, value in arguments.items():
        if name not in accepted:
            raise InputError(f"{family}: {name} is unknown; accepted: {', '.join(accepted)}")
        least, most = _BOUNDS[name]
        kinds = (int,) if isinstance(least, int) else (int, float)
        if not (type(value) in kinds and least <= value <= most):
            kind = "a whole number" if isinstance(least, int) else "a number"
            raise InputError(f"{family}: {name} {show(value)}; {kind} from {least} to {most}")
    rest = {name: value for name, value in arguments.items() if name != RESOLUTION}
    size: Pair = (arguments.get(RESOLUTION, 224),) * 2
    graph = FAMILIES[family](family, size, **rest)
    verify(graph, "structure")
    return graph
