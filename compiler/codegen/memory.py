"""Layout of external memory, from the first byte of the image on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.codegen.commands import CONSTANTS, Command
from compiler.errors import AllocationError, show
from compiler.hwir.network import Network
from hw.spec.isa import COMMAND_ALIGN, COMMAND_WORDS, Opcode, highest
from hw.spec.timing import BURST_BOUNDARY

MEMORY_LIMIT = highest(Opcode.LOAD, "dram_addr") + 1
"""Bytes that the machine addresses."""


@dataclass(frozen=True)
class MemoryMap:
    """Places of bytes, counted from the base: commands, constants and inputs (read only), then the
    maps in memory.

    ``programs`` are address and size of each segment's commands. ``bases`` has an entry for
    CONSTANTS, each network input and each map in memory that is no part of another. The windows
    are ``[read_base, read_limit)`` and ``[write_base, write_limit)``.
    """

    programs: tuple[tuple[int, int], ...]
    image_size: int
    bases: dict[str, int]
    read_limit: int
    write_base: int
    write_limit: int


def _aligned(address: int) -> int:
    return -(-address // BURST_BOUNDARY) * BURST_BOUNDARY


def check_memory(network: Network, size: int, limit: int = MEMORY_LIMIT, parts: str = "") -> None:
    """Raise AllocationError for more bytes of memory than ``limit``; ``parts`` says what takes
    them."""
    if size > limit:
        raise AllocationError(
            f"network {show(network.graph.name)}: {size} bytes of memory{parts}; at most {limit} "
            "are accepted"
        )


def check_layout(network: Network, memory: MemoryMap, most: int | None, base: int) -> None:
    """Raise AllocationError for more bytes than ``most``, or than the machine addresses from
    ``base`` on."""
    parts = {
        "commands": sum(size for _, size in memory.programs),
        "constants": memory.image_size - memory.bases[CONSTANTS],
        "inputs": memory.write_base - _aligned(memory.image_size),
        "maps": memory.write_limit - memory.write_base,
    }
    text = ", ".join(f"{name} {size}" for name, size in parts.items())
    room = MEMORY_LIMIT - base
    where = f" from base {base:#x} on" if base else ""
    check_memory(network, memory.write_limit, min(most or room, room), f"{where} ({text})")


def memory_map(
    network: Network, segments: Sequence[Sequence[Command]], constants: int, cols: int
) -> MemoryMap:
    """Lay out the segments' commands, ``constants`` bytes of weights, the inputs and the maps.

    The maps are those that commands store and those that the host writes.
    """
    programs, end = [], 0
    for commands in segments:
        size = sum(COMMAND_WORDS[c.opcode] * 4 for c in commands)
        assert size % COMMAND_ALIGN == 0, size
        programs.append((end, size))
        end += size
    bases = {CONSTANTS: _aligned(end)}
    image = bases[CONSTANTS] + constants
    end = _aligned(image)
    for name in network.graph.inputs:
        bases[name] = end
        m = network.maps[name]
        end = _aligned(end + (m.pixels * m.channels if m.external else m.words(cols) * cols))
    write_base = end
    stored = {c.memory for commands in segments for c in commands if c.opcode.name == "STORE"}
    made = (network.root(op.output) for op in network.ops)
    for root in (*(name for name in made if name in stored), *network.host_maps):
        if root not in bases:
            bases[root] = end
            end = _aligned(end + network.maps[root].words(cols) * cols)
    return MemoryMap(tuple(programs), image, bases, write_base, write_base, end)
