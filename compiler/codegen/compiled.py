"""A compiled network, before it is written."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

from compiler.codegen.commands import Command
from compiler.codegen.memory import MemoryMap
from compiler.hwir.network import (
    Network,
)
from compiler.ir.graph import Graph
from compiler.options import CompilerOptions
from compiler.schedule.op_plan import OpPlan
from compiler.schedule.schedule import Schedule
from hw.spec.config import AccelConfig


@dataclass(frozen=True)
class Segment:
    """One run of the machine: its schedule and its commands, with layers by their own numbers."""

    plan: Schedule
    commands: list[Command]


@dataclass(frozen=True)
class Compiled:
    """A compiled network: what ``codegen.program`` writes, and how it came about."""

    network: Network
    config: AccelConfig
    options: CompilerOptions
    segments: list[Segment]
    constants: bytes
    memory: MemoryMap

    @property
    def graph(self) -> Graph:
        """The network that was compiled."""
        return self.network.graph

    @cached_property
    def commands(self) -> list[Command]:
        """The commands of all segments, with layers by their numbers in the network."""
        found, first = [], 0
        for segment in self.segments:
            for c in segment.commands:
                layer = c.layer + first if c.layer >= 0 else c.layer
                found.append(dataclasses.replace(c, layer=layer))
            first += len(segment.plan.network.ops)
        return found

    @property
    def command_layers(self) -> list[int]:
        """The layer of each command of all segments by its number in the network, -1 for none."""
        found, first = [], 0
        for segment in self.segments:
            found += [c.layer + first if c.layer >= 0 else -1 for c in segment.commands]
            first += len(segment.plan.network.ops)
        return found

    @property
    def plans(self) -> list[OpPlan]:
        """The plans of all layers, in order."""
        return [plan for segment in self.segments for plan in segment.plan.plans]
