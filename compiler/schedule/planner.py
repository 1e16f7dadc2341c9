"""Memory of searches from one network to the next."""

from __future__ import annotations

from functools import cached_property

from compiler.lru_cache import LruCache
from compiler.schedule.cascade import CascadePlan
from compiler.schedule.op_planner import KNOWN, OpPlanner
from compiler.schedule.placement import Stretch
from compiler.schedule.tile_op_sequence import TileOpSequence

SEQUENCES, STRETCHES = 1024, 2048
"""Layers' tile operations, about 2 KB each, and stretches of a few placed layers that are kept."""


class Planner(OpPlanner):
    """A planner of layers that remembers what it made of them together.

    One may serve many networks: it plans as a new one would. ``names`` interns composite keys, so
    that equality is an identity test.
    """

    def __init__(self, record: bool = False) -> None:
        super().__init__(record)
        self.cascades: LruCache[CascadePlan | None] = LruCache(KNOWN)
        self.names: LruCache[object] = LruCache(KNOWN)
        self.groups: LruCache[TileOpSequence] = LruCache(SEQUENCES)
        self.stretches: LruCache[Stretch] = LruCache(STRETCHES)

    @cached_property
    def of_half(self) -> Planner:
        """The planner for half of the scratchpad."""
        return Planner(self.record)
