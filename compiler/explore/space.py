"""A space of machines and networks, as ``compiler.explore.space_file`` reads it: plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from compiler.explore.expressions import Constraint
from compiler.explore.functions import Function
from compiler.explore.networks import NetworkEntry
from compiler.explore.variables import Value, Variable
from hw.spec.config import AccelConfig, to_dict, with_values
from hw.spec.config_keys import ConfigurationError

Values = Mapping[str, Value]
"""Values of variables by their full names."""
METHODS = ("grid", "random", "nsga2", "tpe")
"""Accepted ways to search."""


@dataclass(frozen=True)
class Search:
    """The choice of candidates; ``batch`` of them at a time, where one depends on those before."""

    method: str = "grid"
    points: int | None = None
    batch: int = 50
    seed: int = 0


@dataclass(frozen=True)
class Objective:
    """A figure to minimise or maximise; a ``function`` of the user's works it out, or else it is
    one of ``figures.FIGURES``."""

    name: str
    goal: Literal["min", "max"]
    function: Function | None = None

    @property
    def sign(self) -> int:
        """The factor with which less is better."""
        return 1 if self.goal == "min" else -1


@dataclass(frozen=True)
class Limit:
    """The least and the most that a figure may be."""

    name: str
    least: float | None
    most: float | None


@dataclass(frozen=True)
class Point:
    """One network on one machine: the unit of work, and of what is recorded."""

    network: str
    machine: tuple[tuple[str, Value], ...]
    arguments: tuple[tuple[str, Value], ...]

    @property
    def key(self) -> str:
        """The text that names the point within its space."""
        return json.dumps([self.network, self.machine, self.arguments], separators=(",", ":"))


@dataclass(frozen=True)
class Space:
    """Machines and networks, what is wanted of them, and how to search.

    A candidate gives each variable a value: one machine, and one network of each entry. ``target``
    is the FPGA whose resources are figures; ``digest`` the hash of all that a point's figures
    follow from.
    """

    base: AccelConfig
    machine: tuple[Variable, ...]
    networks: tuple[NetworkEntry, ...]
    objectives: tuple[Objective, ...]
    limits: tuple[Limit, ...]
    constraints: tuple[Constraint, ...]
    search: Search
    clock: str | None
    target: str
    digest: str

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables, the machine's first."""
        return (*self.machine, *(v for entry in self.networks for v in entry.variables))

    @property
    def figures(self) -> set[str]:
        """Figures that objectives and limits read."""
        return {o.name for o in self.objectives} | {limit.name for limit in self.limits}

    def points(self, values: Values) -> list[Point]:
        """The points of a candidate, one for each entry."""
        machine = tuple((v.name, values[v.name]) for v in self.machine)
        return [
            Point(
                entry.label,
                machine,
                tuple((name, values[f"{entry.label}.{name}"]) for name in entry.arguments),
            )
            for entry in self.networks
        ]

    def entry(self, label: str) -> NetworkEntry:
        """The entry of a label."""
        return next(entry for entry in self.networks if entry.label == label)

    def config(self, machine: Sequence[tuple[str, Value]]) -> AccelConfig:
        """The machine with these values. Raises ConfigurationError."""
        return with_values(self.base, dict(machine))

    def allows(self, values: Values) -> bool:
        """Whether a candidate keeps all constraints. Raises InputError."""
        if not self.constraints:
            return True
        known = {**self._machine_values(values), **values}
        return all(constraint.holds(known) for constraint in self.constraints)

    def _machine_values(self, values: Values) -> dict[str, object]:
        """All keys of the machine, as far as there is one, and its number of MAC units."""
        given = {v.name: values[v.name] for v in self.machine}
        try:
            return machine_values(self.config(tuple(given.items())))
        except ConfigurationError:
            return {**machine_values(self.base), **given}

    def size(self) -> int:
        """Combinations of all values."""
        total = 1
        for variable in self.variables:
            total *= len(variable.values)
        return total

    def combination(self, number: int) -> Values:
        """The candidate of a number below ``size``; the last variable changes fastest."""
        found: dict[str, Value] = {}
        for variable in reversed(self.variables):
            number, at = divmod(number, len(variable.values))
            found[variable.name] = variable.values[at]
        return {variable.name: found[variable.name] for variable in self.variables}


def machine_values(config: AccelConfig) -> dict[str, object]:
    """The keys of a machine by their full names, and ``mac_units``."""
    plain = to_dict(config)
    memory = plain.pop("memory")
    inner = {f"memory.{key}": value for key, value in memory.items()}
    return {**plain, **inner, "mac_units": config.mac_units}
