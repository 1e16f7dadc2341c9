"""Entries of a space for networks, and the graphs that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from compiler import zoo
from compiler.errors import CompilerError, InputError, located, show
from compiler.explore.functions import Function, described
from compiler.explore.variables import Variable
from compiler.ir.graph import Graph
from compiler.rewrite.apply import apply
from compiler.rewrite.graph_network import GraphNetwork
from compiler.rewrite.rules import Wanted, wanted
from compiler.zoo.families import RESOLUTION, member

Kind = Literal["name", "file", "family", "function"]
REWRITE = "rewrite"
"""Argument of every entry: rules that change the network, as ``compiler rewrite`` takes them."""


@dataclass(frozen=True)
class NetworkEntry:
    """Networks that stand for each other: one of them is in every candidate.

    ``variables`` have names of the form ``LABEL.argument``. ``graph`` is that of a file.
    """

    label: str
    kind: Kind
    target: str
    variables: tuple[Variable, ...] = ()
    function: Function | None = None
    graph: Graph | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the variables without the label."""
        return tuple(v.name.removeprefix(f"{self.label}.") for v in self.variables)

    def build(self, arguments: Mapping[str, Any]) -> Graph:
        """The network with these arguments.

        Raises CompilerError, also for whatever a function of the user's raises.
        """
        rules = rules_of(arguments.get(REWRITE, ""))
        graph = self._built({n: v for n, v in arguments.items() if n != REWRITE})
        if not rules:
            return graph
        network = GraphNetwork(graph)
        with located(self.label):
            apply(network, rules)
        return network.graph

    def _built(self, arguments: Mapping[str, Any]) -> Graph:
        """The network before rules change it."""
        if self.kind == "file":
            assert self.graph is not None
            return self.graph
        if self.kind == "name":
            side = arguments.get(RESOLUTION)
            with located(self.label):
                if side is not None and type(side) is not int:
                    raise InputError(f"{RESOLUTION} {show(side)}; a whole number is accepted")
                size = None if side is None else (side, side)
                return zoo.build(str(arguments.get("name", self.target)), size)
        if self.kind == "family":
            return member(self.target, arguments)
        assert self.function is not None
        return _made(self.function, arguments)


def rules_of(text: object) -> list[Wanted]:
    """The rules in a text, spaces between them, none in an empty one. Raises InputError."""
    if not isinstance(text, str):
        raise InputError(f"{REWRITE} {show(text)}; rules with spaces between them are accepted")
    return [wanted(rule) for rule in text.split()]


def _made(function: Function, arguments: Mapping[str, Any]) -> Graph:
    make = function.load()
    try:
        graph = make(**arguments)
    except CompilerError:
        raise
    except Exception as fault:
        raise InputError(f"{function}: {described(fault)}") from fault
    if not isinstance(graph, Graph):
        raise InputError(f"{function}: {type(graph).__name__}; a compiler.Graph is accepted")
    return graph
