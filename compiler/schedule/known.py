"""What is known of one network: where its maps live, and plans that were looked for before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from compiler.passes.layer import FeatureMap, Network
from compiler.recent import Key
from compiler.schedule.blocks import aligned
from compiler.schedule.chain import Chain, ChainPlan, Slot, may_slide
from compiler.schedule.layer_plan import LayerPlan, Site, Streams
from compiler.schedule.planner import Planner
from compiler.schedule.steps import Group, together


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


class Uses:
    """The maps of a network in lines of the scratchpad, and which layers use them.

    ``slots`` are where they lie as a whole, ``beside`` for each layer the maps made or read while
    it runs, in order, and ``touched`` those of which it is the first or last layer.
    ``operands`` are for each layer the maps that hold its input, output and second operand, "" for
    none; ``moved`` the words that pass through memory more when a map does not stay.
    """

    def __init__(self, network: Network, cols: int) -> None:
        root = network.root
        self.lifetimes = lifetimes(network)
        self.words = {name: aligned(m.words(cols)) for name, m in network.maps.items()}
        self.slots = {name: Slot(m.words(cols), m.pixels) for name, m in network.maps.items()}
        self.operands = [
            (
                root(layer.source),
                root(layer.output),
                root(layer.residual.other) if layer.residual else "",
            )
            for layer in network.layers
        ]
        self.beside: list[list[str]] = [[] for _ in network.layers]
        self.touched: list[list[str]] = [[] for _ in network.layers]
        for name, life in sorted(self.lifetimes.items()):
            self.touched[life.first].append(name)
            self.touched[life.last].append(name)
            for names in self.beside[life.first : life.last + 1]:
                names.append(name)
        self.moved = Counter[str]()
        for layer in network.layers:
            made = () if network.maps[layer.output].stored else (layer.output,)
            for name in (*layer.reads, *made):
                self.moved[root(name)] += self.words[name]


@dataclass
class Known:
    """Plans of a network that were looked for before: of layers and chains, with what passes
    through memory and the free words of the scratchpad; ``begun`` those of layers outside chains as
    long as nothing was let go. The planner may have served other networks."""

    planner: Planner
    sites: dict[tuple[int, Streams], Site] = field(default_factory=dict)
    layers: dict[tuple[int, Streams, int], LayerPlan | None] = field(default_factory=dict)
    chains: dict[tuple[Chain, tuple[Streams, ...], int], ChainPlan | None] = field(
        default_factory=dict
    )
    begun: dict[int, LayerPlan | None] = field(default_factory=dict)
    _uses: Uses | None = None
    _slides: list[bool] = field(default_factory=list)
    _followed: list[object] = field(default_factory=list)
    _groups: dict[Hashable, Group] = field(default_factory=dict)

    def uses(self, network: Network, cols: int) -> Uses:
        """The network's, worked out once."""
        self._uses = self._uses or Uses(network, cols)
        return self._uses

    def slides(self, network: Network) -> list[bool]:
        """``may_slide``, worked out once."""
        self._slides = self._slides or may_slide(network)
        return self._slides

    def groups(
        self, network: Network, plans: list[LayerPlan], chains: Sequence[Chain]
    ) -> list[tuple[range, Group]]:
        """The layers that run together with these plans: their numbers, and their steps."""
        found = []
        for numbers in together(len(plans), chains):
            first = numbers.start
            key: Hashable = first, plans[first].work, plans[first].order
            if len(numbers) > 1:
                key = numbers, *((plans[i].work, plans[i].order) for i in numbers)
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = self._group(network, plans, numbers)
            found.append((numbers, group))
        return found

    def _group(self, network: Network, plans: list[LayerPlan], numbers: range) -> Group:
        layers, own = self._steps_follow_from(network), plans[numbers.start : numbers.stop]
        key = tuple(
            (layers[i], plan.work, plan.order) for i, plan in zip(numbers, own, strict=True)
        )
        return self.planner.groups.get(key, partial(Group, own))

    def _steps_follow_from(self, network: Network) -> list[object]:
        """What stands for all that the steps of each of the network's layers follow from beside its
        plan: also its maps, and those that they are part of."""
        if not self._followed:
            keys = (
                Key((layer.execution, *_with_parents(network, (*layer.reads, layer.output))))
                for layer in network.layers
            )
            self._followed = [self.planner.names.get(key, object) for key in keys]
        return self._followed


def _with_parents(network: Network, names: Iterable[str]) -> Iterator[FeatureMap]:
    for name in names:
        while name:
            yield network.maps[name]
            name = network.maps[name].parent
