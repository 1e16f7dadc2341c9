"""The simulated cycles of a schedule, without weights and files."""

from __future__ import annotations

from compiler.codegen.lower import Lowering
from compiler.codegen.memory import memory_map
from compiler.codegen.weights import BlankConstants
from compiler.schedule.schedule import Schedule
from sim.timing.ctrl.decode_check import assembled
from sim.timing.machine import run
from sim.timing.state import parameters


def exact_cycles(plan: Schedule) -> int:
    """Simulated cycles of a network of one segment."""
    constants, cols = BlankConstants(), plan.config.cols
    commands = Lowering(plan, constants).run()
    memory = memory_map(plan.network, [commands], constants.size, cols)
    for command in commands:
        if command.memory:
            command.fields["dram_addr"] += memory.bases[command.memory]
    ((address, size),) = memory.programs
    address_ranges = (0, memory.read_limit, memory.write_base, memory.write_limit)
    rows = [(c.opcode, c.all_fields) for c in commands]
    setup = parameters(plan.config, address, size, address_ranges)
    found = run(assembled(rows, plan.config), setup, plan.config)
    assert not found.fault
    return found.cycles
