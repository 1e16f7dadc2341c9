"""Live ranges: from which layer to which each feature map is needed, and where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from compiler.hwir.network import (
    Network,
)
from compiler.schedule.cascade import (
    Slot,
)
from compiler.schedule.channel_blocks import aligned


@dataclass(frozen=True)
class LiveRange:
    """First and last layer in which a map is made or read."""

    first: int
    last: int


def live_ranges(network: Network) -> dict[str, LiveRange]:
    """Lifetimes of the maps that layers make, those that are no part of another."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for i, layer in enumerate(network.layers):
        first.setdefault(network.root(layer.output), i)
        touched = (network.root(name) for name in (layer.output, *layer.reads))
        last.update({name: i for name in touched if name in first})
    return {name: LiveRange(i, last[name]) for name, i in first.items()}


class MapUses:
    """The maps of a network in lines of the scratchpad, and which layers use them.

    ``slots`` are where they lie as a whole, ``beside`` for each layer the maps made or read while
    it runs, in order, and ``touched`` those of which it is the first or last layer.
    ``operands`` are for each layer the maps that hold its input, output and second operand, "" for
    none; ``moved`` the words that pass through memory more when a map does not stay.
    """

    def __init__(self, network: Network, cols: int) -> None:
        root = network.root
        self.live_ranges = live_ranges(network)
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
        for name, life in sorted(self.live_ranges.items()):
            self.touched[life.first].append(name)
            self.touched[life.last].append(name)
            for names in self.beside[life.first : life.last + 1]:
                names.append(name)
        self.moved = Counter[str]()
        for layer in network.layers:
            made = () if network.maps[layer.output].stored else (layer.output,)
            for name in (*layer.reads, *made):
                self.moved[root(name)] += self.words[name]
