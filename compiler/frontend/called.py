"""Names of nodes: each once, and the ones that people know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compiler.ir.graph import Node


def first_of(joined: str) -> str:
    """The first of the names that TFLite's converter joins with semicolons.

    It is the tensor's own. The others are those of fused operators, and of operators elsewhere that
    hold the same constants.
    """
    return next(filter(None, joined.split(";")), joined)


class Names:
    """Names that are given out once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def unique(self, wanted: str) -> str:
        """``wanted``, with a number after it if it was given out before."""
        found, number = wanted, 1
        while found in self._taken:
            found, number = f"{wanted}_{number}", number + 1
        self._taken.add(found)
        return found


def called_by_first(nodes: Iterable[Node]) -> list[Node]:
    """The nodes, which bear the names of their tensors, by the first of those that are joined."""
    names = Names()
    return [replace(node, name=names.unique(first_of(node.name))) for node in nodes]
