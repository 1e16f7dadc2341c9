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
    for i, op in enumerate(network.ops):
        first.setdefault(network.root(op.output), i)
        touched = (network.root(name) for name in (op.output, *op.reads))
        last.update({name: i for name in touched if name in first})
    return {name: LiveRange(i, last[name]) for name, i in first.items()}


class MapUses:
    """The maps of a network in lines of the scratchpad, and which layers use them.

    ``slots`` are where they lie as a whole, ``in_use`` for each layer the maps made or read while
    it runs, in order, and ``touched`` those of which it is the first or last layer.
    ``operands`` are for each layer the maps that hold its input, output and second operand, "" for
    none; ``touching`` the layers that have a map among them; ``moved`` the words that pass through
    memory more when a map does not stay.
    """

    def __init__(self, network: Network, cols: int) -> None:
        root = network.root
        self.live_ranges = live_ranges(network)
        self.words = {name: aligned(m.words(cols)) for name, m in network.maps.items()}
        self.slots = {name: Slot(m.words(cols), m.pixels) for name, m in network.maps.items()}
        self.operands = [
            (
                root(op.source),
                root(op.output),
                root(op.residual.other) if op.residual else "",
            )
            for op in network.ops
        ]
        self.touching: dict[str, list[int]] = {name: [] for name in self.live_ranges}
        for i, operands in enumerate(self.operands):
            for name in self.live_ranges.keys() & operands:
                self.touching[name].append(i)
        self.in_use: list[list[str]] = [[] for _ in network.ops]
        self.touched: list[list[str]] = [[] for _ in network.ops]
        for name, life in sorted(self.live_ranges.items()):
            self.touched[life.first].append(name)
            self.touched[life.last].append(name)
            for names in self.in_use[life.first : life.last + 1]:
                names.append(name)
        self.moved = Counter[str]()
        for op in network.ops:
            made = () if network.maps[op.output].stored else (op.output,)
            for name in (*op.reads, *made):
                self.moved[root(name)] += self.words[name]
