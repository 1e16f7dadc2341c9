"""The compiler's table of contents: graph to network to schedule to program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from compiler.codegen.commands import Command
from compiler.codegen.compiled import Compiled, Segment
from compiler.codegen.execute import Executes
from compiler.codegen.lower import Lowering
from compiler.codegen.memory import MemoryMap, check_layout, memory_map
from compiler.codegen.timed import fastest
from compiler.codegen.weights import Constants
from compiler.errors import AllocationError, CompilerError
from compiler.hwir.constraints import check_nodes
from compiler.hwir.feature_map import Words
from compiler.hwir.network import Network
from compiler.hwir.verify import verify_network
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.options import CompilerOptions
from compiler.passes.columns_as_rows import columns_as_rows
from compiler.passes.functions import fuse_functions
from compiler.passes.fuse import fuse_adds
from compiler.passes.host import host_reason, sent_to_host
from compiler.passes.legalise import legalise
from compiler.passes.lower_node import LoweredNodes
from compiler.passes.needed import Needs, needs
from compiler.passes.trim import trim
from compiler.schedule.planner import Planner
from compiler.schedule.room import check_room
from compiler.schedule.schedule import Schedule
from compiler.schedule.search import schedules
from hw.spec.config import AccelConfig

Scheduler = Callable[[Network, AccelConfig, Planner], Iterable[Schedule]]
"""Places the tile operations of one segment's network on a machine, in one way or several, the
fastest of which is taken. The first one tells what to expect of the network."""


@dataclass(frozen=True)
class Known:
    """Caches shared between compilations: lowered nodes, and EXECUTEs of tile operations."""

    lowered: LoweredNodes | None = None
    executes: Executes | None = None


class _Search(NamedTuple):
    """The scheduler, and what earlier searches left to it."""

    scheduler: Scheduler
    planner: Planner
    known: Known


class _Ways(NamedTuple):
    """Schedules of a segment's network: the first, and those yet to be made."""

    first: Schedule
    others: Iterator[Schedule]


def compile(
    graph: Graph,
    config: AccelConfig,
    options: CompilerOptions | None = None,
    planner: Planner | None = None,
    scheduler: Scheduler = schedules,
) -> Compiled:
    """Map a quantised graph onto the machine. The same arguments give the same bytes.

    A ``planner`` of one's own may keep a record of the search; it changes nothing. Another
    ``scheduler`` may make other schedules of the same network.
    Raises InputError and UnsupportedError for the graph, AllocationError when it does not fit.
    """
    verify(graph, "quantised")
    return compile_verified(
        graph, config, options or CompilerOptions(), planner, scheduler=scheduler
    )


def compile_verified(
    graph: Graph,
    config: AccelConfig,
    options: CompilerOptions,
    planner: Planner | None = None,
    constants: Constants | None = None,
    known: Known | None = None,
    scheduler: Scheduler = schedules,
) -> Compiled:
    """Compile a graph that is known to be right. A ``planner`` and ``known`` that have served other
    networks save time; ``constants`` collects the weights.
    """
    known = known or Known()
    constants = Constants() if constants is None else constants
    search = _Search(scheduler, planner or Planner(), known)
    graph = sent_to_host(graph, options.host)
    network, ways = _fastest(graph, config, options, search)
    plans = [fastest(chain((first,), others), known.executes) for first, others in ways]
    network = dataclasses.replace(
        network,
        ops=[op for plan in plans for op in plan.network.ops],
        notes=(*network.notes, *_part_notes(plans, config)),
    )
    programs = [Lowering(plan, constants, known.executes).run() for plan in plans]
    memory = memory_map(network, programs, constants.size, config.cols)
    check_layout(network, memory, options.memory, options.base)
    segments = []
    for plan, commands in zip(plans, programs, strict=True):
        _set_addresses(commands, memory)
        segments.append(Segment(plan, commands))
    return Compiled(network, config, options, segments, bytes(constants.data), memory)


def lower(graph: Graph, config: AccelConfig, options: CompilerOptions | None = None) -> Network:
    """The array operations and the host's nodes of a graph that is known to be right.

    Raises UnsupportedError and AllocationError as ``compile`` does, except what only the schedule
    finds.
    """
    options = options or CompilerOptions()
    graph = sent_to_host(graph, options.host)
    _check_windows(graph)
    network = _lowered(graph, needs(graph), None, config, options, Known())
    check_room(network, config, Planner())
    return network


def _fastest(
    graph: Graph, config: AccelConfig, options: CompilerOptions, search: _Search
) -> tuple[Network, list[_Ways]]:
    """The network with ways to place it: without the channels that no output needs, unless that
    does not fit, or the graph as it is takes fewer cycles, as modelled, because its channels fill
    words. Then the network has a note."""
    _check_windows(graph)
    needed = needs(graph)
    trimmed = graph if options.materialize else trim(graph, needed)
    if trimmed is graph:
        return _scheduled(graph, needed, None, config, options, search)
    try:
        network, ways = _scheduled(graph, needed, trimmed, config, options, search)
    except AllocationError as error:
        network, ways = _scheduled(graph, needed, None, config, options, search)
        return _noted(network, f"without them, {error}"), ways
    try:
        whole, others = _scheduled(graph, needed, None, config, options, search)
    except CompilerError:
        return network, ways
    less, more = _modelled(others), _modelled(ways)
    if less >= more:
        return network, ways
    return _noted(whole, f"{less:,} modelled cycles with them, {more:,} without"), others


def _check_windows(graph: Graph) -> None:
    """Raise UnsupportedError for a map that is too large for the array, not for the host."""
    check_nodes((n for n in graph.nodes if host_reason(graph, n) is None), graph.tensors)


def _noted(network: Network, reason: str) -> Network:
    return dataclasses.replace(
        network, notes=(f"channels that no output needs are computed: {reason}",)
    )


def _scheduled(
    graph: Graph,
    needed: Needs,
    trimmed: Graph | None,
    config: AccelConfig,
    options: CompilerOptions,
    search: _Search,
) -> tuple[Network, list[_Ways]]:
    network = _lowered(graph, needed, trimmed, config, options, search.known)
    ways = _ways(network, config, search)
    rows = columns_as_rows(network)
    if rows is None:
        return network, ways
    verify_network(rows, config.cols, "columns as rows")
    try:
        others = _ways(rows, config, search)
    except AllocationError:
        return network, ways
    return (rows, others) if _modelled(others) < _modelled(ways) else (network, ways)


def _ways(network: Network, config: AccelConfig, search: _Search) -> list[_Ways]:
    """The ways of each segment. Raises AllocationError for a layer that fits in no way."""
    scheduler, planner, _ = search
    check_room(network, config, planner)
    found = (iter(scheduler(network.part(i), config, planner)) for i in range(network.segments))
    return [_Ways(next(each), each) for each in found]


def _modelled(ways: list[_Ways]) -> int:
    """Modelled cycles of the first schedules of all segments."""
    return sum(first.modelled_cycles for first, _ in ways)


def _lowered(
    graph: Graph,
    needed: Needs,
    trimmed: Graph | None,
    config: AccelConfig,
    options: CompilerOptions,
    known: Known,
) -> Network:
    words = Words(config.cols, config.line_words)
    network = legalise(graph, needed, options, words, known.lowered, trimmed)
    verify_network(network, config.cols, "lowering")
    if not options.materialize:
        network = fuse_functions(fuse_adds(network))
        verify_network(network, config.cols, "fusion")
    return network


def _part_notes(plans: list[Schedule], config: AccelConfig) -> Iterator[str]:
    """Notes on schedules that leave a part of the scratchpad unused."""
    for size in sorted({plan.config.scratchpad_bytes for plan in plans}):
        if size < config.scratchpad_bytes:
            count = sum(plan.config.scratchpad_bytes == size for plan in plans)
            parts = f"{count} of {len(plans)} programs" if len(plans) > 1 else "the program"
            yield (
                f"{parts} planned for {size:,} of the {config.scratchpad_bytes:,} bytes of the "
                "scratchpad, which takes fewer cycles"
            )


def _set_addresses(commands: list[Command], memory: MemoryMap) -> None:
    """Make the commands' places in memory, which count from a map's first byte, addresses."""
    for command in commands:
        if command.memory:
            command.fields["dram_addr"] += memory.bases[command.memory]
