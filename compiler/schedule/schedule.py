"""A network's placed tile operations: residency, plans, places in the scratchpad and the order of
LOADs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from compiler.hwir.network import Network
from compiler.schedule.allocate import Placed, placed_in_turn
from compiler.schedule.cascade import Cascade, Slot
from compiler.schedule.channel_blocks import aligned
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.placement import NoRoom, Placement, placement_of
from compiler.schedule.plan_cache import Known
from compiler.schedule.residency import Residency
from compiler.schedule.room import check_tile_ops
from compiler.schedule.search_trace import Residence, Trial
from compiler.schedule.tile_op_sequence import tile_op_spans
from compiler.schedule.tile_ops import Buffer, TileOp
from hw.spec.config import AccelConfig

FOLLOWING = 32
"""Layers after one whose plan changes in which the array waits less if that leaves it the bus."""


@dataclass(frozen=True)
class Schedule:
    """Placed tile operations.

    ``network`` has its layers in the order in which they run. ``places`` maps the resident feature
    maps to their scratchpad addresses, ``pitches`` to the words between their planes. ``cascades``
    are the layers that run together, ``trials`` those that were tried.
    """

    network: Network
    config: AccelConfig
    plans: list[OpPlan]
    placement: Placement
    places: dict[str, int]
    slots: dict[str, Slot]
    cascades: tuple[Cascade, ...]
    residency: Residency
    trials: tuple[Trial, ...] = ()

    @property
    def modelled_cycles(self) -> int:
        """Cycles that the search expects of the program."""
        return self.placement.cycles

    @cached_property
    def residence(self) -> Residence:
        """Places of the maps, and the reasons."""
        return self.residency.residence()

    @cached_property
    def waits(self) -> list[int]:
        """Modelled cycles in which the array waits for the data of each layer."""
        return self.placement.waits

    def waits_near(self, first: int, last: int) -> int:
        """The waits for the layers ``first`` to ``last`` and the FOLLOWING after these."""
        return sum(self.waits[first : last + 1 + FOLLOWING])

    @property
    def tile_ops(self) -> list[TileOp]:
        """Tile operations with their places, in order."""
        return self._placed[0]

    @property
    def loads(self) -> list[Buffer]:
        """The buffers that LOADs fill, in order."""
        return self._placed[1]

    @cached_property
    def _placed(self) -> tuple[list[TileOp], list[Buffer]]:
        return self.placement.placed(self.plans)


def place(
    network: Network,
    config: AccelConfig,
    cascades: tuple[Cascade, ...],
    known: Known,
    decide: Callable[..., Residency] = Residency,
    like: Placement | None = None,
) -> Schedule:
    """Place the network with these cascades; ``decide`` makes the residency, from the same
    arguments. What is placed as in ``like`` is not placed again. Raises NoFit."""
    residency, begun = decide(network, config, cascades, known), like
    while True:
        plans = residency.plans()
        check_tile_ops(plans, network.graph.name)
        groups, slots = known.groups(network, plans, cascades), residency.slots()
        spans = tile_op_spans(group for _, group in groups)
        taken = _place_maps(residency, slots, spans, config.scratchpad_words)
        if taken is None:
            continue
        try:
            placement = placement_of(
                network.maps,
                groups,
                config.scratchpad_words,
                taken.values(),
                known.planner.stretches,
                begun,
                like,
            )
        except NoRoom as fault:
            residency.squeeze(fault.layer)
            begun = fault.begun
            continue
        places = {name: placed.address for name, placed in taken.items()}
        return Schedule(network, config, plans, placement, places, slots, cascades, residency)


def _place_maps(
    residency: Residency,
    slots: dict[str, Slot],
    layers: list[tuple[int, int]],
    scratchpad_words: int,
) -> dict[str, Placed] | None:
    """The places of the resident maps; None after letting one go.

    The largest are placed first. A map that finds no room is placed before all others in the next
    attempt; one that finds none for the second time, or a neighbour of it, goes. ``slots`` are
    where they lie, ``layers`` the first and last tile operation of each layer.
    """
    lives, wanted = residency.live_ranges, {}
    for name, slot in slots.items():
        first, last = layers[lives[name].first][0], layers[lives[name].last][1]
        wanted[name] = aligned(slot.words), first, last
    order = sorted(wanted, key=lambda m: (-slots[m].words, m))
    promoted: set[str] = set()
    while True:
        found = placed_in_turn(scratchpad_words, [wanted[name] for name in order])
        if len(found) == len(order):
            return {
                name: Placed(address, *wanted[name])
                for name, address in zip(order, found, strict=True)
            }
        name = order.pop(len(found))
        if name in promoted:
            residency.release_for(name)
            return None
        promoted.add(name)
        order.insert(0, name)
