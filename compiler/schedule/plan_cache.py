"""Cache for one network: the places of its maps, and plans made before."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
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
    """Plans of a network that were looked for before: of layers and cascades, with what passes
    through memory and the free words of the scratchpad; ``begun`` those of layers outside cascades
    as long as nothing was evicted; ``weighed`` cycles of the layers during a map's life, with it
    and without it. The planner may have served other networks."""

    planner: Planner
    sites: dict[tuple[int, Streams], Site] = field(default_factory=dict)
    ops: dict[tuple[int, Streams, int], OpPlan | None] = field(default_factory=dict)
    cascades: dict[tuple[Cascade, tuple[Streams, ...], int], CascadePlan | None] = field(
        default_factory=dict
    )
    begun: dict[int, OpPlan | None] = field(default_factory=dict)
    weighed: dict[Hashable, tuple[float, float | None]] = field(default_factory=dict)
    _uses: MapUses | None = None
    _rolls: list[bool] = field(default_factory=list)
    _followed: list[object] = field(default_factory=list)
    _groups: dict[Hashable, TileOpSequence] = field(default_factory=dict)

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
            first = numbers.start
            key: Hashable = first, plans[first].work, plans[first].order
            if len(numbers) > 1:
                key = numbers, *((plans[i].work, plans[i].order) for i in numbers)
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = self._group(network, plans, numbers)
            found.append((numbers, group))
        return found

    def _group(self, network: Network, plans: list[OpPlan], numbers: range) -> TileOpSequence:
        ops, own = self._tile_ops_follow_from(network), plans[numbers.start : numbers.stop]
        key = tuple((ops[i], plan.work, plan.order) for i, plan in zip(numbers, own, strict=True))
        return self.planner.groups.get(key, partial(TileOpSequence, own))

    def _tile_ops_follow_from(self, network: Network) -> list[object]:
        """Cache key of each layer: everything except the plan that determines its tile operations,
        its maps and their parents included."""
        if not self._followed:
            keys = (
                HashedKey((op.execution, *_with_parents(network, (*op.reads, op.output))))
                for op in network.ops
            )
            self._followed = [self.planner.names.get(key, object) for key in keys]
        return self._followed


def _with_parents(network: Network, names: Iterable[str]) -> Iterator[FeatureMap]:
    for name in names:
        while name:
            yield network.maps[name]
            name = network.maps[name].parent
