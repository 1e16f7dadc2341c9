"""Bytes that commands move over the memory bus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hw.spec.config import AccelConfig
from hw.spec.isa import COMMAND_WORDS, Opcode
from hw.spec.regs import Counter
from hw.spec.timing import BURST_BOUNDARY
from sim.program import Command, Layer, Program


def bus_bytes(command: Command, config: AccelConfig) -> int:
    """Bytes that a LOAD or STORE moves over the bus, in whole beats."""
    f, word = command.fields, config.cols
    size = f["row_length"] * (f["channels"] if f.get("unpack") else word)
    starts = (f["dram_addr"] + row * f["dram_stride"] for row in range(f["row_count"]))
    return sum(_row_bytes(start, start + size, config) for start in starts)


def _row_bytes(begin: int, end: int, config: AccelConfig) -> int:
    """Bytes of the beats that the bursts of a row from ``begin`` to ``end`` have."""
    word, beat = config.cols, config.bus_bytes
    begin, end = begin // word * word, -(-end // word) * word
    if beat <= word:
        return end - begin
    return sum(-(-b // beat) * beat - a // beat * beat for a, b in _bursts(begin, end, config))


def _bursts(begin: int, end: int, config: AccelConfig) -> Iterator[tuple[int, int]]:
    """First byte and end of each burst of whole words."""
    while begin < end:
        boundary = (begin // BURST_BOUNDARY + 1) * BURST_BOUNDARY
        stop = min(end, boundary, begin + config.burst_words * config.cols)
        yield begin, stop
        begin = stop


def moved_bytes(program: Program, layer: Layer, opcode: Opcode) -> int:
    """Bytes that the layer's LOADs or STOREs move."""
    own = (program.commands[index] for index in layer.commands)
    return sum(bus_bytes(c, program.config) for c in own if c.opcode == opcode)


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
