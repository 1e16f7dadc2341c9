"""Where everything lies in external memory, from address 0 on."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.codegen.commands import Command
from compiler.passes.layer import Network
from hw.spec.isa import COMMAND_WORDS
from hw.spec.timing import BURST_BOUNDARY


@dataclass(frozen=True)
class MemoryMap:
    """Byte addresses: commands, constants and inputs (read only), then stored maps.

    ``bases`` has an entry for ``constants``, each network input and each map in memory that is no
    part of another. The windows are ``[read_base, read_limit)`` and ``[write_base, write_limit)``.
    """

    program_size: int
    image_size: int
    bases: dict[str, int]
    read_limit: int
    write_base: int
    write_limit: int


def _aligned(address: int) -> int:
    return -(-address // BURST_BOUNDARY) * BURST_BOUNDARY


def memory_map(
    network: Network, commands: list[Command], constants: int, cols: int
) -> MemoryMap:
    """Lay out ``constants`` bytes of weights, the inputs and the maps that commands store."""
    program = sum(COMMAND_WORDS[c.opcode] * 4 for c in commands)
    bases = {"constants": _aligned(program)}
    image = bases["constants"] + constants
    end = _aligned(image)
    for name in network.graph.inputs:
        bases[name] = end
        m = network.maps[name]
        end = _aligned(end + m.pixels * m.channels)
    write_base = end
    stored = {c.memory for c in commands if c.opcode.name == "STORE"}
    for layer in network.layers:
        root = network.root(layer.output)
        if root in stored and root not in bases:
            bases[root] = end
            end = _aligned(end + network.maps[root].words(cols) * cols)
    return MemoryMap(program, image, bases, write_base, write_base, end)
