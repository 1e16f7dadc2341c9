"""The compiler's table of contents: graph to network to schedule to program."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from compiler.codegen.commands import Command
from compiler.codegen.lower import Lowering
from compiler.codegen.memory import MemoryMap, memory_map
from compiler.errors import AllocationError
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.options import CompilerOptions
from compiler.passes.functions import fuse_functions
from compiler.passes.fuse import fuse_adds
from compiler.passes.layer import Network
from compiler.passes.legalise import legalise
from compiler.schedule.schedule import Schedule, schedule
from hw.spec.config import AccelConfig

MEMORY_LIMIT = 1 << 32
"""Bytes that the machine addresses."""


@dataclass(frozen=True)
class Compiled:
    """A compiled network: what ``codegen.program`` writes, and how it came about."""

    network: Network
    config: AccelConfig
    options: CompilerOptions
    plan: Schedule
    commands: list[Command]
    constants: bytes
    memory: MemoryMap

    @property
    def graph(self) -> Graph:
        return self.network.graph


def compile(
    graph: Graph, config: AccelConfig, options: CompilerOptions | None = None
) -> Compiled:
    """Map a quantised graph onto the machine. The same arguments give the same bytes.

    Raises InputError and UnsupportedError for the graph, AllocationError when it does not fit.
    """
    options = options or CompilerOptions()
    verify(graph, "quantised")
    network = legalise(graph, options, config.cols)
    if not options.materialize:
        network = fuse_functions(fuse_adds(network))
    plan = schedule(network, config)
    lowering = Lowering(plan)
    commands = lowering.run()
    memory = memory_map(network, commands, len(lowering.constants), config.cols)
    if memory.write_limit > MEMORY_LIMIT:
        raise AllocationError(
            f"network {graph.name!r}: {memory.write_limit} bytes of memory; at most "
            f"{MEMORY_LIMIT} are accepted"
        )
    commands = [_addressed(c, memory) for c in commands]
    return Compiled(network, config, options, plan, commands, bytes(lowering.constants), memory)


def _addressed(command: Command, memory: MemoryMap) -> Command:
    """The command with its place in memory filled in."""
    if not command.memory:
        return command
    address = memory.bases[command.memory] + command.fields["dram_addr"]
    return dataclasses.replace(command, fields={**command.fields, "dram_addr": address})
