"""Simulated cycles of schedules, without weights and files, and the fastest of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from compiler.codegen.execute import Executes
from compiler.codegen.lower import Lowering
from compiler.codegen.memory import memory_map
from compiler.codegen.weights import BlankConstants
from compiler.lru_cache import LruCache
from compiler.schedule.schedule import Schedule
from sim.timing.ctrl.decode_check import assembled
from sim.timing.machine import run
from sim.timing.state import parameters

TILE_OPS, CYCLES, MOST = 500, 4_000_000, 24
"""Tile operations, modelled cycles and schedules that are timed, at most, to choose among them."""

FEWEST, NEAR = 100, 0.98
"""After schedules with FEWEST tile operations, the model must expect less than NEAR times the
cycles of the fastest one so far of a schedule or the one before it."""

KEPT = 1024
"""Tile operations whose EXECUTEs are kept from one schedule to the next if nothing keeps them."""


def fastest(found: Iterable[Schedule], known: Executes | None = None) -> Schedule:
    """The fastest of the schedules as the simulator times them, the first of equals.

    Of several for one scratchpad, or a part of it, three are timed, and the next ones, the fastest
    by the model first, as far as TILE_OPS, CYCLES, MOST and NEAR go. ``known`` are EXECUTEs of tile
    operations.
    """
    known = LruCache(KEPT) if known is None else known
    bests = [_fastest(each, known) for _, each in groupby(found, key=lambda s: s.config)]
    return bests[0] if len(bests) == 1 else min(bests, key=lambda s: exact_cycles(s, known))


def _fastest(schedules: Iterator[Schedule], known: Executes) -> Schedule:
    best = next(schedules)
    (tile_ops, modelled), least, before = _size(best), 0, best
    for number, schedule in enumerate(schedules, 1):
        tile_ops, modelled = tile_ops + _size(schedule)[0], modelled + _size(schedule)[1]
        expected = min(before.modelled_cycles, schedule.modelled_cycles)
        enough = tile_ops > FEWEST and expected >= NEAR * least
        if number > 2 and (enough or number >= MOST or tile_ops > TILE_OPS or modelled > CYCLES):
            break
        least = least or exact_cycles(best, known)
        cycles, before = exact_cycles(schedule, known), schedule
        if cycles < least:
            best, least = schedule, cycles
    return best


def _size(schedule: Schedule) -> tuple[int, int]:
    """Tile operations and modelled cycles."""
    return sum(plan.work.tile_ops for plan in schedule.plans), schedule.modelled_cycles


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
