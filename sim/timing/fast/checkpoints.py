"""Runs of programs that begin like earlier ones, resumed where these were at the same command.

The state in which the machine dispatches a command follows from the commands before it, as long as
the command fetch has not come near the program's end. Of addresses timing sees no more than the
place in a burst boundary or in a line of the scratchpad, so that programs which differ in where
things lie begin alike too.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np

from hw.spec.config import AccelConfig
from hw.spec.isa import FIELDS
from hw.spec.timing import BURST_BOUNDARY
from sim.timing.commands import TIMED
from sim.timing.ctrl.decode_check import Commands
from sim.timing.machine import Machine, RunResult, advance, result, started
from sim.timing.state import parameters

SPACING = 16
"""Commands from one kept state to the next."""
KEPT = 4096
"""States kept, about 10 KB each; those used longest ago go first."""

_EVERYWHERE = (0, 1 << 32)
"""A window of all addresses."""


class PrefixCache:
    """Times programs of one machine. What it answers does not depend on the runs before.

    ``restored`` is the number of commands whose effects were taken from earlier runs, in all.
    """

    def __init__(self, config: AccelConfig, kept: int = KEPT) -> None:
        self.config = config
        self.restored = 0
        self._most = kept
        self._states: OrderedDict[bytes, list[np.ndarray]] = OrderedDict()

    def run(self, commands: Commands, program_addr: int) -> RunResult:
        """The run of a program without faults that lies at ``program_addr``."""
        address = program_addr % BURST_BOUNDARY
        size = int(commands.beats.sum()) * self.config.cols
        commands = _timed(commands, self.config)
        setup = parameters(self.config, address, size, _EVERYWHERE + _EVERYWHERE)
        machine = started(commands, setup, self.config)
        keys = _keys(commands, address)
        resumed = self._restore(machine, commands, keys)
        self.restored += resumed
        for count in range(resumed + SPACING, len(commands.opcodes), SPACING):
            advance(machine, self.config, count)
            if not _independent(machine.memory.fetch, setup):
                break
            self._keep(keys[count], machine, commands, count)
        advance(machine, self.config)
        now = machine.registers[0]
        assert now["done"] and not now["fault"], now
        return result(machine, commands)

    def _restore(self, machine: Machine, commands: Commands, keys: dict[int, bytes]) -> int:
        """Bring the machine to the latest state known; the number of commands dispatched."""
        for count in sorted(keys, reverse=True):
            state = self._states.get(keys[count])
            if state is not None and _independent(state[0], machine.memory.setup):
                for array, kept in zip(_arrays(machine, commands, count), state, strict=True):
                    array[...] = kept
                self._states.move_to_end(keys[count])
                return count
        return 0

    def _keep(self, key: bytes, machine: Machine, commands: Commands, count: int) -> None:
        self._states[key] = [array.copy() for array in _arrays(machine, commands, count)]
        if len(self._states) > self._most:
            self._states.popitem(last=False)


def _independent(fetched: np.ndarray, setup: np.ndarray) -> bool:
    """Whether the program's length has had no effect yet: every request was for a full burst.

    ``fetched`` is the state of the command fetch, ``setup`` the parameters of the run.
    """
    return bool(setup["program_beats"] - fetched["asked"] >= setup["fetch_burst"])


def _arrays(machine: Machine, commands: Commands, count: int) -> list[np.ndarray]:
    """All state when ``count`` commands are dispatched, that of the command fetch first."""
    memory, unit = machine.memory, machine.unit
    taken = int(np.searchsorted(commands.executes, count))
    return [
        memory.fetch,
        memory.dram,
        memory.reads,
        memory.writes,
        memory.channel,
        *memory.load,
        *memory.store,
        memory.program.started[:count],
        memory.program.completed[:count],
        unit.fetch,
        unit.loops,
        *unit.lanes,
        unit.store,
        unit.tap_groups,
        unit.weights,
        unit.sequencer,
        unit.drain,
        unit.busy[:taken],
        unit.marks[:taken],
        unit.start[:taken],
        unit.done[:taken],
        machine.registers,
        machine.counters,
        machine.clock,
    ]


def _timed(commands: Commands, config: AccelConfig) -> Commands:
    """The commands with what timing does not depend on left out."""
    line = config.line_words
    moduli = {"dram_addr": BURST_BOUNDARY, "scratchpad_addr": line, "in_addr": line}
    fields = np.zeros_like(commands.fields)
    for opcode, names in TIMED.items():
        rows = np.flatnonzero(commands.opcodes == opcode)
        for column, field in enumerate(FIELDS[opcode]):
            if field.name in names:
                modulus = moduli.get(field.name)
                values = commands.fields[rows, column]
                fields[rows, column] = values % modulus if modulus else values
    return commands._replace(fields=fields)


def _keys(commands: Commands, address: int) -> dict[int, bytes]:
    """By number of commands, in steps of SPACING: a hash of that many and the program's address."""
    rows = np.ascontiguousarray(np.column_stack([commands.opcodes, commands.fields]))
    digest, keys = hashlib.blake2b(str(address).encode(), digest_size=16), {}
    for count in range(SPACING, len(rows), SPACING):
        digest.update(rows[count - SPACING : count].data)
        keys[count] = digest.digest()
    return keys
