"""The work of a worker: the figures of points, with estimators that stay warm."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.errors import CompilerError, InputError, one_line, show
from compiler.estimator import Estimator
from compiler.explore.figures import ENERGY, figures, machine_figures
from compiler.explore.functions import described
from compiler.explore.space import Objective, Point, Space
from compiler.ir.graph import Graph
from compiler.latencies import scales_of
from compiler.lru_cache import LruCache
from compiler.uncollected import settled
from hw.spec.config import AccelConfig, title
from hw.spec.config_keys import ConfigurationError

Row = dict[str, Any]
"""The record of a point, by column."""
AGAIN = "again"
"""Column that is true where ``reason`` is no fault of the point's: ``--resume`` tries it again."""
MACHINES, GRAPHS = 4, 256
"""Machines with their estimators, and networks, that a worker keeps."""
_TURN = threading.Lock()
"""An estimator serves one thread at a time."""


def evaluate(space: Space, points: Sequence[Point]) -> list[Row]:
    """The rows of points: their figures, or why there are none."""
    with _TURN:
        engine = _engine(space)
        return [engine.row(point) for point in points]


def _engine(space: Space) -> Engine:
    """The engine of a space; a worker serves one space at a time."""
    if space.digest not in _ENGINES:
        _ENGINES.clear()
        _ENGINES[space.digest] = Engine(space)
    return _ENGINES[space.digest]


class Engine:
    """Works out the rows of a space's points."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._estimators: LruCache[Estimator] = LruCache(MACHINES)
        self._latest: Estimator | None = None
        self._graphs: LruCache[Graph] = LruCache(GRAPHS)

    def row(self, point: Point) -> Row:
        """The row of a point. What is wrong with it stands in ``reason``."""
        start = time.thread_time()
        row: Row = {
            "key": point.key,
            "network": point.network,
            **dict(point.machine),
            **{f"{point.network}.{name}": value for name, value in point.arguments},
        }
        try:
            config = self._space.config(point.machine)
            row |= {"machine": title(config), **machine_figures(config, self._space.target)}
            with settled():
                row |= self._figures(point, config)
        except (CompilerError, ConfigurationError) as fault:
            row["reason"] = one_line(str(fault))
        except Exception as fault:
            # A fault of this project, which must not end a sweep of days.
            row |= {"reason": one_line(f"internal error: {described(fault)}"), AGAIN: True}
        row["seconds"] = time.thread_time() - start
        return row

    def _figures(self, point: Point, config: AccelConfig) -> Row:
        space, arguments = self._space, dict(point.arguments)
        entry = space.entry(point.network)
        graph = self._graphs.get((point.network, point.arguments), lambda: entry.build(arguments))
        estimator = self._estimators.get(config, lambda: Estimator(config, like=self._latest))
        self._latest = estimator
        compiled, timing = estimator.timed(graph)
        energy = ENERGY in space.figures
        found = figures(graph, compiled, timing, space.clock, energy)
        found["scales"] = scales_of(graph)
        for objective in space.objectives:
            if objective.function is not None:
                values = {**dict(point.machine), **arguments, "network": point.network}
                found[objective.name] = _own(objective, {**found, **values}, graph)
        return found


def _own(objective: Objective, point: Mapping[str, Any], graph: Graph) -> float:
    """The figure that a function of the user's gives."""
    assert objective.function is not None
    function = objective.function.load()
    try:
        value = float(function(point, graph))
    except CompilerError:
        raise
    except Exception as fault:
        raise InputError(f"{objective.function}: {described(fault)}") from fault
    if not math.isfinite(value):
        raise InputError(f"{objective.function}: {show(value)}; a finite number is accepted")
    return value


_ENGINES: dict[str, Engine] = {}
"""The engine in use, by its space."""
