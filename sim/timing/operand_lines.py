"""Lines that operand fetch reads for each EXECUTE, without its cycles."""

import numpy as np

from compiler.kernels import kernel
from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from sim.timing.commands import records
from sim.timing.core import input_addresses, line_coalescer, loop_nest
from sim.timing.ctrl.decode_check import Commands
from sim.timing.state import sizes


def operand_lines(commands: Commands, config: AccelConfig) -> np.ndarray:
    """Lines read from the scratchpad into the operand stores by each command; int64 [n]."""
    found = np.zeros(len(commands.opcodes), np.int64)
    counted = np.zeros(len(commands.executes), np.int64)
    if len(counted):
        _count(
            records(commands.fields[commands.executes], Opcode.EXECUTE),
            loop_nest.state(),
            input_addresses.state(config.rows),
            counted,
            sizes(config),
        )
    found[commands.executes] = counted
    return found


@kernel
def _count(executes, states, lanes, counted, sizes):
    """Add up the lines of all tap groups of each command, in ``counted``."""
    loops = states[0]
    for index in range(len(executes)):
        command = executes[index]
        pixel_group = sizes.rows >> command.array_shape
        loop_nest.begin(loops, command)
        input_addresses.begin(lanes, command, pixel_group)
        count = 0
        while loops.exhausted == 0:
            loop_nest.find_ends(loops, command, pixel_group)
            if not loop_nest.is_like_last(loops, command, sizes.line_words):
                span = command.last_span if loops.last_tap_group != 0 else command.group_span
                count = line_coalescer.count_lines(loops, command, lanes, span, sizes)
            counted[index] += count
            loop_nest.advance(loops, command, lanes, pixel_group)
