"""Entry of the list of built-in networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.ir.graph import Graph
from compiler.zoo.builder import Pair


@dataclass(frozen=True)
class Network:
    """A built-in network.

    ``make`` takes the graph's name and the input's height and width in pixels. ``size`` is the
    input of the published definition, ``reduced`` a small one that keeps every layer, for runs on
    the RTL. ``with_heads`` makes it with its auxiliary classifiers; None where it has none.
    """

    make: Callable[[str, Pair], Graph]
    size: Pair = (224, 224)
    reduced: Pair = (32, 32)
    with_heads: Callable[[str, Pair], Graph] | None = None
