"""Bytes that commands move over the memory bus."""

from __future__ import annotations

from collections.abc import Mapping

from hw.spec.isa import COMMAND_WORDS, Opcode
from hw.spec.regs import Counter
from sim.program import Command, Layer, Program


def bus_bytes(command: Command, beat: int) -> int:
    """Bytes that a LOAD or STORE moves over the bus, in whole beats of ``beat`` bytes."""
    f = command.fields
    if not f.get("unpack"):
        return f["row_count"] * f["row_length"] * beat
    size = f["row_length"] * f["channels"]
    starts = (f["dram_addr"] + run * f["dram_stride"] for run in range(f["row_count"]))
    return sum(-(-(start % beat + size) // beat) * beat for start in starts)


def moved_bytes(program: Program, layer: Layer, opcode: Opcode) -> int:
    """Bytes that the layer's LOADs or STOREs move."""
    own = (program.commands[index] for index in layer.commands)
    return sum(bus_bytes(c, program.config.bus_bytes) for c in own if c.opcode == opcode)


def layer_bytes(program: Program, counters: Mapping[str, int]) -> list[tuple[int, int]]:
    """Bytes read from and written to memory for each layer; they add up to the run's.

    A layer reads its commands too. What is fetched besides, END above all, is the last layer's.
    """
    bus, commands = program.config.bus_bytes, program.commands
    fetched = [
        sum(4 * COMMAND_WORDS[commands[i].opcode] for i in x.commands) for x in program.layers
    ]
    if fetched:
        fetched[-1] += counters[Counter.FETCH_BEATS.name.lower()] * bus - sum(fetched)
    return [
        (size + moved_bytes(program, layer, Opcode.LOAD), moved_bytes(program, layer, Opcode.STORE))
        for size, layer in zip(fetched, program.layers, strict=True)
    ]
