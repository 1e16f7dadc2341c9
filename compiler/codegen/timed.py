"""Simulated cycles of schedules, without weights and files, and the fastest of several."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from compiler.codegen.execute import Executes
from compiler.codegen.lower import Lowering
from compiler.codegen.memory import memory_map
from compiler.codegen.weights import BlankConstants
from compiler.lru_cache import LruCache
from compiler.schedule.schedule import Schedule
from sim.timing.ctrl.decode_check import assembled
from sim.timing.machine import run
from sim.timing.state import parameters

TILE_OPS, CYCLES = 200, 4_000_000
"""Tile operations and modelled cycles that are timed, at most, to choose among schedules."""

KEPT = 1024
"""Tile operations whose EXECUTEs are kept from one schedule to the next."""


def fastest(found: Sequence[Schedule]) -> Schedule:
    """The fastest of the schedules as the simulator times them, the first of equals. Two are
    timed, and the next ones as long as all together have at most TILE_OPS and CYCLES."""
    if len(found) == 1:
        return found[0]
    tile_ops = accumulate(sum(plan.work.tile_ops for plan in s.plans) for s in found)
    cycles = accumulate(s.modelled_cycles for s in found)
    within = sum(n <= TILE_OPS and c <= CYCLES for n, c in zip(tile_ops, cycles, strict=True))
    count = max(2, within)
    known: Executes = LruCache(KEPT)
    return min(found[:count], key=lambda schedule: exact_cycles(schedule, known))


def exact_cycles(schedule: Schedule, known: Executes | None = None) -> int:
    """Simulated cycles of a segment."""
    constants, cols = BlankConstants(), schedule.config.cols
    commands = Lowering(schedule, constants, known).run()
    memory = memory_map(schedule.network, [commands], constants.size, cols)
    for command in commands:
        if command.memory:
            command.fields["dram_addr"] += memory.bases[command.memory]
    ((address, size),) = memory.programs
    address_ranges = (0, memory.read_limit, memory.write_base, memory.write_limit)
    rows = [(c.opcode, c.all_fields) for c in commands]
    setup = parameters(schedule.config, address, size, address_ranges)
    found = run(assembled(rows, schedule.config), setup, schedule.config)
    assert not found.fault
    return found.cycles
