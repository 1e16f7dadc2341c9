"""An estimate of a run's energy: what the machine did, counted, times published energies.

The default energies are those of M. Horowitz, "Computing's energy problem (and what we can do about
it)", ISSCC 2014, doi:10.1109/ISSCC.2014.6757323, for 45 nm at 0.9 V; for DRAM the middle of the
1.3 to 2.6 nJ that it gives. What is counted, and what is left out, is in docs/compiler.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from compiler.errors import MAX_SHOWN, InputError, located
from compiler.frontend.json_text import parse_json
from hw.spec.config import AccelConfig
from hw.spec.isa import Opcode
from hw.spec.timing import TAP_GROUP_RING, WEIGHT_RING
from sim.lost import multiplied
from sim.program import Command, Program
from sim.simulation import Timing
from sim.timing.ctrl.decode_check import decode
from sim.timing.operand_lines import operand_lines as read_lines
from sim.traffic import layer_bytes

DEFAULT = Path(__file__).with_name("horowitz_2014.json")
PORT_BYTES = 8
"""Bytes of the accesses to memories that the energies are for."""
PARTS = {
    "multiply_accumulate": "multiply-accumulates",
    "operand_store": "operand stores",
    "weight_store": "weight store",
    "scratchpad": "scratchpad",
    "dram": "DRAM",
}
"""Parts of the energy, in the order of reports."""
LEAST, MOST = 1e-9, 1e9
"""Bounds of an energy in picojoules: no estimate within them overflows."""
_ENERGY = {"type": "number", "minimum": LEAST, "maximum": MOST}
_SCHEMA = {
    "type": "object",
    "properties": {
        "source": {"type": "string", "minLength": 1},
        "multiply_8_bit": _ENERGY,
        "add_32_bit": _ENERGY,
        "sram_64_bit": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[1-9][0-9]{0,11}$"},
            "additionalProperties": _ENERGY,
        },
        "dram_64_bit": _ENERGY,
    },
    "required": ["source", "multiply_8_bit", "add_32_bit", "sram_64_bit", "dram_64_bit"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class EnergyTable:
    """Energies in picojoules: of an operation, and of an access of 64 bits to a memory.

    ``sram_64_bit`` has pairs of the memory's bytes and the energy, the smallest first.
    """

    source: str
    multiply_8_bit: float
    add_32_bit: float
    sram_64_bit: tuple[tuple[int, float], ...]
    dram_64_bit: float

    def sram_byte(self, size: int) -> float:
        """Picojoules per byte of an access to an SRAM of ``size`` bytes.

        Between two sizes of the table, interpolated with both axes logarithmic; beyond its ends
        the nearest size counts.
        """
        sizes, energies = np.log(np.array(self.sram_64_bit, np.float64)).T
        return float(np.exp(np.interp(np.log(size), sizes, energies))) / PORT_BYTES


def read_energy_table(path: Path = DEFAULT) -> EnergyTable:
    """The table in a JSON file. Raises InputError, which names the file and the key."""
    with located(path):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(error.strerror) from None
        except UnicodeDecodeError as error:
            raise InputError(f"not valid JSON: {error}") from None
        document = parse_json(text)
        from jsonschema import Draft202012Validator

        fault = next(Draft202012Validator(_SCHEMA).iter_errors(document), None)
        if fault is not None:
            message = f"{fault.message[:MAX_SHOWN]}; keys as in {DEFAULT.name}"
            raise InputError(
                f"key {fault.json_path}: {message} and {LEAST:g} to {MOST:g} pJ are accepted"
            )
    sizes = {int(size): energy for size, energy in document["sram_64_bit"].items()}
    return EnergyTable(**document | {"sram_64_bit": tuple(sorted(sizes.items()))})


class Commands(Protocol):
    """Commands and the machine that runs them, of a ``Program`` say."""

    @property
    def config(self) -> AccelConfig:
        """The machine."""

    @property
    def commands(self) -> Sequence[Command]:
        """The commands of all segments."""


def energy_estimate(program: Commands, timing: Timing, table: EnergyTable) -> dict[str, float]:
    """Estimated microjoules of a run, by part (the keys of PARTS)."""
    return _microjoules(accesses(program, timing), program.config, table)


def layer_energies(program: Program, timing: Timing, table: EnergyTable) -> list[dict[str, float]]:
    """Estimated microjoules of each layer, by part; they add up to those of the run."""
    counted = layer_accesses(program, timing)
    return [_microjoules(each, program.config, table) for each in counted]


def _microjoules(
    counted: Mapping[str, int], config: AccelConfig, table: EnergyTable
) -> dict[str, float]:
    picojoules = access_energies(config, table)
    return {part: counted[part] * picojoules[part] * 1e-6 for part in PARTS}


def access_energies(config: AccelConfig, table: EnergyTable) -> dict[str, float]:
    """Picojoules of a multiply-accumulate, and of a byte of each memory, by part."""
    return {
        "multiply_accumulate": table.multiply_8_bit + table.add_32_bit,
        "operand_store": table.sram_byte(2 * TAP_GROUP_RING * config.line_bytes),
        "weight_store": table.sram_byte(WEIGHT_RING * config.line_bytes),
        "scratchpad": table.sram_byte(config.scratchpad_bytes // config.line_words),
        "dram": table.dram_64_bit / PORT_BYTES,
    }


def accesses(program: Commands, timing: Timing) -> dict[str, int]:
    """Multiply-accumulates of a run, and bytes read and written in each memory, by part."""
    config, counters = program.config, timing.counters
    lines = counters["operand_lines_read"], counters["weight_lines_read"]
    beats = counters["read_beats"] + counters["write_beats"]
    return {
        "multiply_accumulate": counters["occupied"] + config.mac_units * counters["busy_other"],
        **_on_chip(program.commands, timing, lines, config),
        "dram": beats * config.bus_bytes,
    }


def layer_accesses(program: Program, timing: Timing) -> list[dict[str, int]]:
    """Likewise those of each layer."""
    config = program.config
    operand_lines = [
        count
        for segment in program.segments
        for count in read_lines(
            decode(program.image, segment.address, segment.size, config), config
        ).tolist()
    ]
    found = []
    moved = layer_bytes(program, timing.counters)
    for layer, times, sizes in zip(program.layers, timing.layers, moved, strict=True):
        own = [program.commands[i] for i in layer.commands]
        lines = (
            sum(operand_lines[command.index] for command in own),
            sum(_weight_lines(command, config) for command in own),
        )
        occupied = sum(multiplied(command, config) for command in own)
        others = config.mac_units * times.causes["busy_other"]
        found.append(
            {
                "multiply_accumulate": occupied + others,
                **_on_chip(own, timing, lines, config),
                "dram": sum(sizes),
            }
        )
    return found


def _on_chip(
    commands: Sequence[Command], timing: Timing, lines: tuple[int, int], config: AccelConfig
) -> dict[str, int]:
    """Bytes of the accesses to the memories on the chip; ``lines`` are those of operands and of
    weights that are read from the scratchpad."""
    filled, weights = lines
    words = sum(_scratchpad_words(command, config) for command in commands)
    executes = list(_executes(commands, timing))
    fetched = sum(_weight_words(*pair) for pair in executes)
    taken = config.rows * sum(_lane_words(*pair, config) for pair in executes)
    return {
        "operand_store": filled * config.line_bytes + taken * config.word_bytes,
        "weight_store": weights * config.line_bytes + fetched * config.word_bytes,
        "scratchpad": (filled + weights) * config.line_bytes + words * config.word_bytes,
    }


def _executes(commands: Sequence[Command], timing: Timing) -> Iterator[tuple[dict[str, Any], int]]:
    """Fields of each EXECUTE, and the cycles in which the array works for it."""
    for command in commands:
        if command.opcode == Opcode.EXECUTE:
            yield command.fields, timing.spans[command.index][2]


def _lane_words(fields: dict[str, int], busy: int, config: AccelConfig) -> int:
    """Words that an EXECUTE reads from the operand store of one lane: one for each tap and input
    block of a tile, whose channels the array multiplies one after another while it stands."""
    blocks, last = fields["in_blocks"], fields["last_channels"]
    taps, rest = divmod(busy, (blocks - 1) * (config.cols >> fields["split"]) + last)
    assert not rest, "an EXECUTE ends with whole tiles"
    return taps * blocks


def _weight_lines(command: Command, config: AccelConfig) -> int:
    """Lines that a command has read from the scratchpad into the weight store: for each output
    block, and again for each pixel group if the store has no room for all of them."""
    f = command.fields
    if command.opcode != Opcode.EXECUTE or f["ones"]:
        return 0
    groups = 1 if f["resident"] else -(-f["pixels"] // (config.rows >> f["array_shape"]))
    return f["weight_lines"] * f["out_blocks"] * groups


def _weight_words(fields: dict[str, int], busy: int) -> int:
    """Words that an EXECUTE reads from the weight store."""
    return 0 if fields["ones"] else busy << fields["array_shape"]


def _scratchpad_words(command: Command, config: AccelConfig) -> int:
    """Words that a command reads and writes in the scratchpad, apart from operands and weights."""
    f = command.fields
    if command.opcode in (Opcode.LOAD, Opcode.STORE):
        planes = -(-f["channels"] // config.cols) if f.get("unpack") else 1
        return f["row_count"] * f["row_length"] * planes
    if command.opcode == Opcode.END:
        return 0
    planes = (f["out_blocks"] - 1 << f["array_shape"]) + f["last_planes"]
    results = f["pixels"] * planes
    parameters = config.param_lines * config.line_words * planes
    return (1 + f["residual"]) * results + parameters + f["table"] * config.table_words
