"""Which feature maps stay whole in the pool, and the plan of each layer that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.errors import AllocationError, show
from compiler.passes.layer import Network
from compiler.schedule.blocks import aligned
from compiler.schedule.layer_plan import LayerPlan, Site, Streams, plan_layer, smallest_need
from hw.spec.config import AccelConfig

CRAMPED = 1.45
"""A layer whose estimate is that much above its larger part, computing or moving, lacks room."""

SQUEEZE = 0.9
"""Share of the room that a layer is planned for after its buffers did not fit between the maps."""


@dataclass(frozen=True)
class Lifetime:
    """First and last layer in which a map is made or read."""

    first: int
    last: int


def lifetimes(network: Network) -> dict[str, Lifetime]:
    """Lifetimes of the maps that layers make, those that are no part of another."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for i, layer in enumerate(network.layers):
        first.setdefault(network.root(layer.output), i)
        touched = (network.root(name) for name in (layer.output, *layer.reads))
        last.update({name: i for name in touched if name in first})
    return {name: Lifetime(i, last[name]) for name, i in first.items()}


class Residency:
    """The maps in the pool. It starts with all and lets go of the cheapest until layers fit.

    ``factors`` are maps of weights, which always stay.
    """

    def __init__(self, network: Network, config: AccelConfig) -> None:
        self.network = network
        self.config = config
        self.lifetimes = lifetimes(network)
        self.factors = {network.root(layer.factor) for layer in network.layers if layer.factor}
        self.resident = self.factors | {
            m for m in self.lifetimes if self._words(m) < config.pool_words
        }
        self.share = [1.0] * len(network.layers)
        self._known: dict[tuple, LayerPlan | None] = {}

    def plans(self) -> list[LayerPlan]:
        """A plan for every layer. Raises AllocationError when a layer fits in no way."""
        index = 0
        while index < len(self.network.layers):
            if self._plan(index, self.resident) is None:
                self._release(index)
                index = 0
            else:
                index += 1
        self._improve()
        return [self._needed(i, self.resident) for i in range(len(self.network.layers))]

    def _improve(self) -> None:
        """Let go of maps whose absence helps the layers beside them more than it costs."""
        for index in range(len(self.network.layers)):
            plan = self._needed(index, self.resident)
            if plan.cycles < CRAMPED * max(plan.compute, plan.words):
                continue
            for name in self._releasable(index):
                without = self.resident - {name}
                life = self.lifetimes[name]
                beside = range(life.first, life.last + 1)
                before = sum(self._needed(i, self.resident).cycles for i in beside)
                plans = [self._plan(i, without) for i in beside]
                if all(plans) and sum(p.cycles for p in plans if p) < before:
                    self.resident = without

    def _needed(self, index: int, resident: set[str]) -> LayerPlan:
        plan = self._plan(index, resident)
        assert plan is not None, self.network.layers[index].name
        return plan

    def release_beside(self, name: str) -> None:
        """Let go of the cheapest map that lives at the same time as ``name`` (or that one)."""
        life = self.lifetimes[name]
        beside = [
            m for m in self.resident - self.factors
            if self.lifetimes[m].first <= life.last and life.first <= self.lifetimes[m].last
        ]
        self.resident.remove(min(beside, key=self._price))

    def squeeze(self, index: int) -> None:
        """Plan the layer for less room, after its buffers did not fit between the maps."""
        self.share[index] *= SQUEEZE

    def live(self, index: int, resident: set[str]) -> list[str]:
        """The maps in the pool while layer ``index`` runs."""
        lives = self.lifetimes
        return sorted(m for m in resident if lives[m].first <= index <= lives[m].last)

    def _releasable(self, index: int) -> list[str]:
        """The maps in the pool beside layer ``index`` that may go."""
        return self.live(index, self.resident - self.factors)

    def _words(self, name: str) -> int:
        return aligned(self.network.maps[name].words(self.config.cols))

    def _price(self, name: str) -> tuple[int, str]:
        """Words that pass through memory when the map does not stay."""
        network, words = self.network, 0
        for layer in network.layers:
            moved = list(layer.reads)
            if not network.maps[layer.output].stored:
                moved.append(layer.output)
            words += sum(self._words(m) for m in moved if network.root(m) == name)
        return words, name

    def _plan(self, index: int, resident: set[str]) -> LayerPlan | None:
        layer, root = self.network.layers[index], self.network.root
        other = layer.residual.other if layer.residual else layer.source
        streams = Streams(
            root(layer.source) not in resident, root(layer.output) not in resident,
            layer.residual is not None and root(other) not in resident,
        )
        used = sum(self._words(m) for m in self.live(index, resident))
        free = int((self.config.pool_words - used) * self.share[index])
        key = (index, streams, free)
        if key not in self._known:
            site = self._site(index, streams)
            self._known[key] = plan_layer(site, free)
        return self._known[key]

    def _site(self, index: int, streams: Streams) -> Site:
        layer, maps = self.network.layers[index], self.network.maps
        other = maps[layer.residual.other] if layer.residual else None
        return Site(layer, maps[layer.source], maps[layer.output], other, streams, self.config)

    def _release(self, index: int) -> None:
        """Let go of the cheapest map whose absence makes layer ``index`` fit, else the largest."""
        candidates = sorted(self._releasable(index), key=self._price)
        if not candidates:
            raise self._failure(index)
        for name in candidates:
            if self._plan(index, self.resident - {name}) is not None:
                self.resident.remove(name)
                return
        self.resident.remove(max(candidates, key=self._words))

    def _failure(self, index: int) -> AllocationError:
        layer = self.network.layers[index]
        site = self._site(index, Streams(True, True, layer.residual is not None))
        need = smallest_need(site) * self.config.word_bytes
        fixed = sum(self._words(m) for m in self.live(index, self.factors))
        free = max(self.config.pool_words - fixed, 0)
        room = int(free * self.share[index]) * self.config.word_bytes
        return AllocationError(
            f"layer {show(layer.name)} ({layer.kind}): the smallest tile takes {need} bytes of the "
            f"pool; {room} of its {self.config.pool_bytes} are available "
            f"(configuration pool_lines={self.config.pool_lines})"
        )
