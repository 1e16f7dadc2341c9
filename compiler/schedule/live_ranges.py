"""Live ranges: from which layer to which each feature map is needed, and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from copy import copy
from dataclasses import dataclass

from compiler.hwir.network import (
    Network,
)
from compiler.schedule.cascade import (
    Slot,
)
from compiler.schedule.channel_blocks import aligned
from compiler.schedule.op_plan import Streams


@dataclass(frozen=True)
class LiveRange:
    """First and last layer in which a map is made or read."""

    first: int
    last: int

    @property
    def layers(self) -> range:
        """Numbers of the layers from the first to the last."""
        return range(self.first, self.last + 1)


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

    _fitting: tuple[int, frozenset[str]] | None
    _alone: tuple[int, tuple[list[int], list[Streams]]] | None

    def __init__(self, network: Network, cols: int) -> None:
        root = network.root
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
        self.moved = Counter[str]()
        for op in network.ops:
            made = () if network.maps[op.output].stored else (op.output,)
            for name in (*op.reads, *made):
                self.moved[root(name)] += self.words[name]
        lives = live_ranges(network)
        self._users: dict[str, list[int]] = {name: [] for name in lives}
        for i, op in enumerate(network.ops):
            for name in lives.keys() & {root(name) for name in (op.output, *op.reads)}:
                self._users[name].append(i)
        self._arrange(lives)

    def fitting(self, words: int) -> frozenset[str]:
        """The maps that are smaller than a scratchpad of so many words."""
        if self._fitting is None or self._fitting[0] != words:
            fits = frozenset(name for name in self.live_ranges if self.words[name] < words)
            self._fitting = words, fits
        return self._fitting[1]

    def alone(self, words: int) -> tuple[list[int], list[Streams]]:
        """Words that the maps take which fit, and what passes through memory with these in the
        scratchpad, for each layer outside cascades."""
        if self._alone is None or self._alone[0] != words:
            there = self.fitting(words)
            used = [sum(self.words[m] for m in names if m in there) for names in self.in_use]
            streams = [self.streams(i, there) for i in range(len(used))]
            self._alone = words, (used, streams)
        return self._alone[1]

    def streams(self, index: int, resident: Set[str], without: str = "") -> Streams:
        """The operands of layer ``index`` that pass through memory with these maps in the
        scratchpad, ``without`` one of them."""
        source, output, other = (
            bool(name) and (name not in resident or name == without)
            for name in self.operands[index]
        )
        return Streams(source, output, other)

    def reordered(self, order: Sequence[int]) -> MapUses:
        """The same for the network with its layers in another order."""
        other = copy(self)
        other.operands = [self.operands[i] for i in order]
        place = {layer: i for i, layer in enumerate(order)}
        other._users = {name: [place[i] for i in layers] for name, layers in self._users.items()}
        other._arrange({name: LiveRange(min(i), max(i)) for name, i in other._users.items()})
        return other

    def _arrange(self, lives: dict[str, LiveRange]) -> None:
        """Set what follows from the operands and the live ranges."""
        self.live_ranges, layers = lives, len(self.operands)
        self._fitting, self._alone = None, None
        self.touching: dict[str, list[int]] = {name: [] for name in lives}
        for i, operands in enumerate(self.operands):
            for name in lives.keys() & operands:
                self.touching[name].append(i)
        self.in_use: list[list[str]] = [[] for _ in range(layers)]
        self.touched: list[list[str]] = [[] for _ in range(layers)]
        for name in sorted(lives):
            life = lives[name]
            self.touched[life.first].append(name)
            self.touched[life.last].append(name)
            for names in self.in_use[life.first : life.last + 1]:
                names.append(name)
