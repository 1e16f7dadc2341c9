"""Reads a mapped network: memory image, commands and what the compiler says of them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator

from hw.spec import isa
from hw.spec.config import AccelConfig, ConfigurationError, from_dict
from hw.spec.isa import Opcode
from hw.spec.regs import Fault
from sim.timing.program import decode
from sim.values.state import CommandFault, Windows
from sim.values.tensors import Place

IMAGE = "program.bin"
MAPPING = "mapping.json"
MODEL = "model.json"
SCHEMA = Path(__file__).with_name("mapping_schema.json")
ACCEPTED = "a folder that `python -m compiler map` wrote is accepted"


class ProgramError(ValueError):
    """A folder does not hold a mapped network; the message names the file and what is wrong."""


@dataclass(frozen=True)
class Command:
    """One command: its opcode and fields, and its number in the program."""

    opcode: Opcode
    fields: dict[str, int]
    index: int


@dataclass(frozen=True)
class Layer:
    """A layer of the network: its commands by number, and what the compiler says about it."""

    name: str
    kind: str
    macs: int
    commands: tuple[int, ...]
    residency: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """A mapped network.

    ``image`` is the memory from address 0, uint8, with room for the inputs; the program is its
    ``size`` bytes from ``address``. ``commands`` run up to END, or up to the one that raises
    ``fault``. ``graph`` is in golden's form: inputs, outputs, the tensors in memory, and the host's
    nodes. ``places`` says where the inputs and what the hardware stores lie. ``host_reasons`` has
    nodes of the host and why; ``not_stored`` names tensors that fusion keeps from memory.
    """

    folder: Path
    config: AccelConfig
    image: np.ndarray
    address: int
    size: int
    windows: Windows
    commands: tuple[Command, ...]
    fault: CommandFault | None
    macs: int
    layers: tuple[Layer, ...]
    graph: dict[str, Any]
    places: dict[str, Place]
    host_reasons: tuple[tuple[str, str], ...]
    not_stored: tuple[str, ...]
    random_weights: bool

    @property
    def network(self) -> str:
        """The network's name."""
        return self.graph["name"]


def read_program(folder: Path | str) -> Program:
    """The mapped network in a folder. Raises ProgramError, which names the file."""
    folder = Path(folder)
    path = folder / MAPPING
    try:
        image = np.fromfile(folder / IMAGE, np.uint8)
        mapping = _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProgramError(f"{error.filename}: {error.strerror}; {ACCEPTED}") from None
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"{path}: not JSON ({error}); {ACCEPTED}") from None
    try:
        _check_schema(mapping)
        program = program_of(folder, image, mapping)
        _check(program, mapping["memory_size"])
    except (ProgramError, ConfigurationError) as error:
        raise ProgramError(f"{path}: {error}; {ACCEPTED}") from None
    return program


def _parse(text: str) -> Any:
    """A JSON text; whole numbers are integers however they are written. Raises ValueError."""

    def number(text: str) -> int | float:
        value = float(text)
        return int(value) if value.is_integer() else value

    def refuse(name: str) -> None:
        raise ValueError(f"number {name}")

    return json.loads(text, parse_float=number, parse_constant=refuse)


def _check_schema(document: object) -> None:
    """Raise ProgramError, naming the key, unless the document follows mapping_schema.json."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    fault = next(Draft202012Validator(schema).iter_errors(document), None)
    if fault is not None:
        rule = f"{fault.validator} {_show(fault.validator_value)} is accepted"
        raise ProgramError(f"key {fault.json_path} is {_show(fault.instance)}; {rule}")


def _show(value: object) -> str:
    """The value on one line, cut to a length that a message bears."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _check(program: Program, size: int) -> None:
    """Raise ProgramError where a mapping for ``size`` bytes of memory contradicts itself."""
    for name, place in program.places.items():
        end = place.address + place.nbytes(program.config.cols)
        if end > size or math.prod(place.shape) % place.channels:
            raise ProgramError(f"tensor {_show(name)} ends at byte {end} of {size}")
    hosted = (name for node in program.graph["nodes"] for name in node["outputs"])
    known = {*program.places, *hosted}
    for name in program.graph["outputs"]:
        if name not in known:
            names = ", ".join(map(_show, sorted(known)))
            raise ProgramError(f"output {_show(name)}; {names} exist")
    for layer in program.layers:
        last = max(layer.commands, default=0)
        if program.fault is None and last >= len(program.commands):
            count = len(program.commands)
            raise ProgramError(f"layer {_show(layer.name)}: command {last} of {count}")


def program_of(folder: Path, image: np.ndarray, mapping: dict[str, Any]) -> Program:
    """The program of a memory image and the content of mapping.json."""
    config = from_dict(mapping["config"])
    memory = np.zeros(max(len(image), mapping["read_window"][1]), np.uint8)
    memory[: len(image)] = image
    address, size = mapping["program_addr"], mapping["program_size"]
    commands, fault = decode_program(memory, address, size, config)
    described = [*mapping["inputs"], *mapping["tensors"]]
    return Program(
        folder=folder,
        config=config,
        image=memory,
        address=address,
        size=size,
        windows=Windows(*mapping["read_window"], *mapping["write_window"]),
        commands=commands,
        fault=fault,
        macs=mapping["macs"],
        layers=tuple(_layer(entry) for entry in mapping["layers"]),
        graph={
            "name": mapping["network"],
            "inputs": [entry["name"] for entry in mapping["inputs"]],
            "outputs": list(mapping["outputs"]),
            "tensors": {entry["name"]: _tensor(entry) for entry in described},
            "nodes": [{**entry, "name": entry["node"]} for entry in mapping["host"]],
        },
        places={entry["name"]: _place(entry) for entry in described},
        host_reasons=tuple(
            (f"{entry['node']} ({entry['op']})", entry["reason"]) for entry in mapping["host"]
        ),
        not_stored=tuple(mapping["not_stored"]),
        random_weights=mapping["random_weights"],
    )


def _layer(entry: dict[str, Any]) -> Layer:
    return Layer(
        name=entry["name"],
        kind=entry["kind"],
        macs=entry["macs"],
        commands=tuple(entry["commands"]),
        residency=entry["residency"],
        notes=tuple(entry["notes"]),
    )


def _place(entry: dict[str, Any]) -> Place:
    return Place(
        shape=tuple(entry["shape"]),
        dtype=entry["dtype"],
        address=entry["address"],
        channels=entry.get("channels", 1),
        plane_bytes=entry.get("plane_bytes", 0),
    )


def _tensor(entry: dict[str, Any]) -> dict[str, Any]:
    """A tensor in golden's form."""
    scale, zero_point = entry["scale"], entry["zero_point"]
    return {
        "shape": tuple(entry["shape"]),
        "dtype": entry["dtype"],
        "scale": None if scale is None else np.array(scale, np.float64),
        "zero_point": None if zero_point is None else np.array(zero_point, np.int64),
        "axis": None,
        "data": None,
    }


def decode_program(
    image: np.ndarray, address: int, size: int, config: AccelConfig
) -> tuple[tuple[Command, ...], CommandFault | None]:
    """The commands in ``size`` bytes from ``address``, and the fault that ends them, if any."""
    decoded = decode(image, address, size, config)
    commands: list[Command] = []
    left = size // config.bus_bytes
    columns = (decoded.opcodes, decoded.fields, decoded.beats, decoded.codes)
    for index, (opcode, fields, beats, code) in enumerate(
        zip(*(c.tolist() for c in columns), strict=True)
    ):
        left -= beats
        if code == Fault.ILLEGAL_OPCODE:
            return tuple(commands), CommandFault(Fault.ILLEGAL_OPCODE, index)
        if left < 0:
            break
        if code:
            return tuple(commands), CommandFault(Fault(code), index)
        names = (field.name for field in isa.FIELDS[Opcode(opcode)])
        commands.append(Command(Opcode(opcode), dict(zip(names, fields, strict=False)), index))
        if opcode == Opcode.END:
            return tuple(commands), None
    return tuple(commands), CommandFault(Fault.NO_END, len(commands))
