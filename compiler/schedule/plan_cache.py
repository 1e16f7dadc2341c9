"""Cache for one network: the places of its maps, and plans made before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from compiler.hwir.feature_map import FeatureMap
from compiler.hwir.network import Network
from compiler.lru_cache import HashedKey
from compiler.schedule.cascade import Cascade, CascadePlan, may_roll
from compiler.schedule.live_ranges import MapUses
from compiler.schedule.op_plan import OpPlan, Site, Streams
from compiler.schedule.planner import Planner
from compiler.schedule.tile_op_sequence import TileOpSequence, together


@dataclass
class Known:
    """Results of searches in a network so far. The planner may have served other networks.

    Of layers, by their numbers in ``order`` or else their own: ``sites`` and ``ops``, their plans,
    with what passes through memory and the free words of the scratchpad, and those of cascades.
    ``begun`` are plans of layers outside cascades as long as nothing was evicted; ``weighed``
    cycles of the layers during a map's life, with it and without it.

    Tile operations are modelled ``close`` to the machine: an EXECUTE is set up beside the one
    before it, and its command takes the bus. Or each waits for the one before it, which leaves
    their LOADs time.
    """

    planner: Planner
    order: tuple[int, ...] = ()
    close: bool = False
    sites: dict[tuple[int, Streams], Site] = field(default_factory=dict)
    ops: dict[tuple[int, Streams, int], OpPlan | None] = field(default_factory=dict)
    cascades: dict[Hashable, CascadePlan | None] = field(default_factory=dict)
    begun: dict[int, OpPlan | None] = field(default_factory=dict)
    weighed: dict[Hashable, tuple[float, float | None]] = field(default_factory=dict)
    _uses: MapUses | None = None
    _rolls: list[bool] = field(default_factory=list)
    _followed: dict[int, object] = field(default_factory=dict)
    _groups: dict[Hashable, tuple[list[OpPlan], TileOpSequence]] = field(default_factory=dict)

    def reordered(self, order: Sequence[int]) -> Known:
        """The same for the network with its layers in another order."""
        numbers = tuple(map(self.number, order))
        uses = self._uses and self._uses.reordered(order)
        return replace(self, order=numbers, begun={}, weighed={}, _uses=uses, _rolls=[])

    def closely(self) -> Known:
        """The same with tile operations modelled ``close`` to the machine."""
        return replace(self, close=True, _groups={})

    def planned_by(self, planner: Planner) -> Known:
        """The same network, of whose plans nothing is known yet."""
        return Known(planner, _uses=self._uses, _rolls=self._rolls)

    def number(self, index: int) -> int:
        """The number by which what is known of the layer ``index`` is kept."""
        return self.order[index] if self.order else index

    def uses(self, network: Network, cols: int) -> MapUses:
        """The network's, worked out once."""
        self._uses = self._uses or MapUses(network, cols)
        return self._uses

    def rolls(self, network: Network) -> list[bool]:
        """``may_roll``, worked out once."""
        self._rolls = self._rolls or may_roll(network)
        return self._rolls

    def groups(
        self, network: Network, plans: list[OpPlan], cascades: Sequence[Cascade]
    ) -> list[tuple[range, TileOpSequence]]:
        """The layers that run together with these plans: their numbers, and their tile
        operations."""
        found = []
        for numbers in together(len(plans), cascades):
            own = plans[numbers.start : numbers.stop]
            key = tuple(map(id, own))
            if key not in self._groups:
                self._groups[key] = own, self._group(network, own, numbers)
            found.append((numbers, self._groups[key][1]))
        return found

    def _group(self, network: Network, own: list[OpPlan], numbers: range) -> TileOpSequence:
        key = (
            self.close,
            *(
                (self._follows_from(network, i), plan.work, plan.order)
                for i, plan in zip(numbers, own, strict=True)
            ),
        )
        return self.planner.groups.get(key, partial(TileOpSequence, own, self.close))

    def _follows_from(self, network: Network, index: int) -> object:
        """Cache key of a layer: everything except the plan that determines its tile operations,
        its maps and their parents included."""
        number = self.number(index)
        if number not in self._followed:
            op = network.ops[index]
            key = HashedKey((op.execution, *_with_parents(network, (*op.reads, op.output))))
            self._followed[number] = self.planner.names.get(key, object)
        return self._followed[number]


def _with_parents(network: Network, names: Iterable[str]) -> Iterator[FeatureMap]:
    for name in names:
        while name:
            yield network.maps[name]
            name = network.maps[name].parent
