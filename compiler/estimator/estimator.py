"""The latency of a network: compiled without weights, and timed as ``sim run`` does."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.codegen.compiled import Compiled
from compiler.codegen.weights import BlankConstants
from compiler.config_options import DEFAULT_PRESET
from compiler.driver import (
    Known,
    compile_verified,
)
from compiler.estimator.placeholder_weights import with_standins
from compiler.ir.graph import Graph
from compiler.ir.randomize import Weights
from compiler.lru_cache import LruCache
from compiler.machine import Machine, MachineLike
from compiler.options import CompilerOptions
from compiler.schedule.planner import Planner
from compiler.uncollected import uncollected
from sim.program import Layer
from sim.simulation import (
    LayerTimes,
    Timing,
    joined,
    times_of,
)
from sim.timing.ctrl.decode_check import assembled
from sim.timing.fast.checkpoints import PrefixCache
from sim.timing.machine import RunResult

WEIGHTS, LAYERS, STEPS = 128, 4096, 16384
"""Weights and biases of fully connected layers, layers and steps that are kept; those used longest
ago go."""


@dataclass(frozen=True, repr=False)
class Latency:
    """Cycles and counters of a network on a machine; names and values are those of ``map --json``.

    ``layers`` is a sequence of data classes, which ``pandas.DataFrame(layers)`` takes.
    """

    network: str
    mac_units: int
    macs: int
    cycles: int
    counters: dict[str, int]
    layers: tuple[LayerTimes, ...]

    @property
    def utilization(self) -> float:
        """The share of multiply-accumulates in all cycles of all units that are the network's."""
        return self.macs / (self.mac_units * self.cycles)

    def __repr__(self) -> str:
        return (
            f"<Latency {self.network}: {self.cycles:,} cycles, {self.utilization:.1%} of "
            f"{self.mac_units} MAC units, {len(self.layers)} layers>"
        )


class Estimator:
    """Exact latencies on one machine: those of ``map`` and ``sim run``, to the cycle.

    It remembers layers, and machine states where programs begin alike, in bounded memory, so that
    a network like the ones before takes a part of the time. It shares the layers with ``like``, an
    estimator of another machine with the same options. No answer depends on them. One thread at a
    time may use it and those that it shares with. Raises ConfigurationError for the machine.

    >>> from compiler import Estimator, zoo
    >>> estimator = Estimator("edge256")
    >>> sizes = [96, 128, 160]
    >>> cycles = [estimator.cycles(zoo.build("mobilenet_v1_025", (s, s))) for s in sizes]
    >>> cycles == sorted(cycles)
    True
    """

    def __init__(
        self,
        machine: MachineLike = DEFAULT_PRESET,
        options: CompilerOptions | None = None,
        *,
        like: Estimator | None = None,
    ) -> None:
        self.config = Machine(machine).config
        self.options = options or CompilerOptions()
        self.prefixes = PrefixCache(self.config)
        if like is None:
            self._planner = Planner()
            self._weights: Weights = LruCache(WEIGHTS)
            self._known = Known(LruCache(LAYERS), LruCache(STEPS))
        else:
            assert like.options == self.options, "layers depend on the options"
            self._planner, self._weights, self._known = like._planner, like._weights, like._known

    def cycles(self, graph: Graph) -> int:
        """Cycles from the start of the machine to its interrupt, summed over segments.

        The graph is one that ``map`` accepts, quantised or without weights; then quantisation is
        what ``map`` chooses for a model of that name without weights. Raises InputError,
        UnsupportedError and AllocationError as ``map`` does.
        """
        with uncollected():
            return sum(run.cycles for run in self._runs(self._compiled(graph)))

    def latency(self, graph: Graph) -> Latency:
        """Cycles, counters and layers of the network (see ``cycles``)."""
        # The collector, when it is back, finds the program gone and has little to look at.
        with uncollected():
            return self._latency(graph)

    def _latency(self, graph: Graph) -> Latency:
        compiled, timing = self.timed(graph)
        macs = sum(layer.macs for layer in compiled.network.ops)
        return Latency(
            graph.name, self.config.mac_units, macs, timing.cycles, timing.counters, timing.layers
        )

    def complete(self, graph: Graph) -> Graph:
        """The graph with stand-ins for weights, and with the parameters that ``cycles`` takes."""
        return with_standins(graph, self.options.seed, self._weights)

    def timed(self, graph: Graph) -> tuple[Compiled, Timing]:
        """The network compiled, with stand-ins for weights, and its times (see ``cycles``)."""
        with uncollected():
            compiled = self._compiled(graph)
            times = [times_of(run) for run in self._runs(compiled)]
            return compiled, joined(_layers(compiled), times)

    def _compiled(self, graph: Graph) -> Compiled:
        return compile_verified(
            self.complete(graph),
            self.config,
            self.options,
            self._planner,
            BlankConstants(),
            self._known,
        )

    def _runs(self, compiled: Compiled) -> list[RunResult]:
        """The runs of the segments."""
        found = []
        for segment, (address, _) in zip(compiled.segments, compiled.memory.programs, strict=True):
            rows = [(c.opcode, c.all_fields) for c in segment.commands]
            found.append(self.prefixes.run(assembled(rows, self.config), address))
        return found


def _layers(compiled: Compiled) -> list[Layer]:
    """The layers with the numbers of their commands."""
    own: list[list[int]] = [[] for _ in compiled.plans]
    for number, layer in enumerate(compiled.command_layers):
        if layer >= 0:
            own[layer].append(number)
    return [
        Layer(
            plan.site.op.name,
            plan.site.op.kind,
            plan.site.op.macs,
            tuple(numbers),
            plan.site.op.done,
        )
        for plan, numbers in zip(compiled.plans, own, strict=True)
    ]
