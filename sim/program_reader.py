"""Reads a mapped network: memory image, commands and what the compiler says of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from compiler.errors import InputError
from hw.spec import isa
from hw.spec.config import AccelConfig, from_dict
from hw.spec.config_keys import ConfigurationError
from hw.spec.isa import FINGERPRINT_BYTE, Opcode
from hw.spec.regs import Fault, misaligned
from sim.program import Command, HostNode, Layer, Program, Segment
from sim.timing.ctrl.decode_check import decode
from sim.values.load_store import ADDRESS_SPACE
from sim.values.memories import AddressRanges, CommandFault
from sim.values.tensors import Place

IMAGE = "program.bin"
MAPPING = "mapping.json"
MODEL = "model.json"
SCHEMA = Path(__file__).with_name("mapping_schema.json")
RENAMED = (
    "read_window is now read_range, write_window write_range, and the configuration's pool_lines "
    "scratchpad_bytes"
)
"""Keys of earlier versions of mapping.json that have other names now."""
ACCEPTED = "a folder that `python -m compiler map` wrote is accepted"


class ProgramError(InputError):
    """A folder does not hold a mapped network; the message names the file and what is wrong."""


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
        _check_version(mapping)
        _check_schema(mapping)
        if len(image) != mapping["image_size"]:
            raise ProgramError(f"image_size {mapping['image_size']}, and {IMAGE} has {len(image)}")
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


def _check_version(document: object) -> None:
    """Raise ProgramError for a mapping of another version of the format."""
    version = document.get("version") if isinstance(document, dict) else None
    accepted = _schema()["properties"]["version"]["const"]
    if type(version) is int and version != accepted:
        raise ProgramError(
            f"version {version} of the program format; {accepted} is accepted: map the model "
            f"again ({RENAMED})"
        )


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def _check_schema(document: object) -> None:
    """Raise ProgramError, naming the key, unless the document follows mapping_schema.json."""
    schema = _schema()
    from jsonschema import Draft202012Validator

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
    if program.base + size > ADDRESS_SPACE:
        raise ProgramError(
            f"base {program.base:#x} and memory_size {size} end beyond {ADDRESS_SPACE} bytes"
        )
    for name, place in program.places.items():
        end = place.address + place.nbytes(program.config.cols)
        if end > size or math.prod(place.shape) % place.channels:
            raise ProgramError(f"tensor {_show(name)} ends at byte {end} of {size}")
    tensors = program.graph["tensors"]
    for name, tensor in tensors.items():
        _check_declared(name, tensor)
    for name in program.graph["outputs"]:
        if name not in tensors:
            names = ", ".join(map(_show, sorted(tensors)))
            raise ProgramError(f"output {_show(name)}; {names} exist")
    for layer in program.layers:
        last = max(layer.commands, default=0)
        if program.fault is None and last >= len(program.commands):
            count = len(program.commands)
            raise ProgramError(f"layer {_show(layer.name)}: command {last} of {count}")


def _check_declared(name: str, tensor: dict[str, Any]) -> None:
    declared = tensor["declared"]
    if declared is None:
        return
    rank, size = len(declared["shape"]), math.prod(tensor["shape"])
    if sorted(declared["order"]) != list(range(rank)) or math.prod(declared["shape"]) != size:
        raise ProgramError(
            f"tensor {_show(name)}: declared shape {declared['shape']} and order "
            f"{declared['order']} do not make {list(tensor['shape'])}"
        )
    quantised = tensor["scale"] is not None and tensor["zero_point"] is not None
    if declared["dtype"] == "float32" != tensor["dtype"] and not quantised:
        raise ProgramError(f"tensor {_show(name)}: declared float32 without quantisation")


def program_of(folder: Path, image: np.ndarray, mapping: dict[str, Any]) -> Program:
    """The program of a memory ``image``, uint8 ``[bytes]``, and the content of mapping.json."""
    config = from_dict(mapping["config"])
    memory = np.zeros(max(len(image), mapping["read_range"][1]), np.uint8)
    memory[: len(image)] = image
    placed = [*mapping["inputs"], *mapping["tensors"]]
    return Program(
        folder=folder,
        config=config,
        image=memory,
        address_ranges=AddressRanges(*mapping["read_range"], *mapping["write_range"]),
        segments=_segments(memory, mapping, config),
        macs=mapping["macs"],
        model_macs=mapping["model_macs"],
        layers=tuple(_layer(entry) for entry in mapping["layers"]),
        graph={
            "name": mapping["network"],
            "inputs": [entry["name"] for entry in mapping["inputs"]],
            "outputs": list(mapping["outputs"]),
            "tensors": {
                entry["name"]: _tensor(entry) for entry in [*placed, *mapping["host_tensors"]]
            },
        },
        places={entry["name"]: _place(entry) for entry in placed},
        not_stored=tuple(mapping["not_stored"]),
        random_weights=mapping["random_weights"],
        random_calibration=mapping["random_calibration"],
        elements=mapping["elements"],
        notes=tuple(mapping["notes"]),
        base=mapping["base"],
    )


def _segments(
    image: np.ndarray, mapping: dict[str, Any], config: AccelConfig
) -> tuple[Segment, ...]:
    nodes = {entry["node"]: entry for entry in mapping["host"]}
    segments: list[Segment] = []
    for entry in mapping["segments"]:
        address, size = entry["program_addr"], entry["program_size"]
        first = sum(len(segment.commands) for segment in segments)
        commands, fault = decode_program(image, address, size, config, first, mapping["base"])
        if fault is None or fault.fault != Fault.MISALIGNED:
            _check_fingerprint(len(segments), entry["fingerprint"], image[address : address + size])
        try:
            host = tuple(_host_node(nodes.pop(name)) for name in entry["host"])
        except KeyError as error:
            raise ProgramError(f"segment {len(segments)}: no host node {error}") from None
        segments.append(Segment(address, size, commands, fault, host, first))
    if nodes:
        raise ProgramError(f"host node {_show(next(iter(nodes)))} is in no segment")
    return tuple(segments)


def _check_fingerprint(segment: int, stated: int, code: np.ndarray) -> None:
    """Raise ProgramError where the mapping states another fingerprint than its program has."""
    found = int.from_bytes(code[FINGERPRINT_BYTE : FINGERPRINT_BYTE + 4].tobytes(), "little")
    if found != stated:
        raise ProgramError(
            f"segment {segment}: fingerprint {stated:#010x}, and {IMAGE} has {found:#010x}"
        )


def _host_node(entry: dict[str, Any]) -> HostNode:
    keys = ("node", "op", "reason", "elements", "macs")
    return HostNode(*(entry[key] for key in keys))


def _layer(entry: dict[str, Any]) -> Layer:
    return Layer(
        name=entry["name"],
        kind=entry["kind"],
        macs=entry["macs"],
        commands=tuple(entry["commands"]),
        done=entry["done"],
        on_chip_bytes=entry["on_chip_bytes"],
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
        flip=entry.get("flip", False),
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
        "declared": entry["declared"],
    }


def decode_program(
    image: np.ndarray, address: int, size: int, config: AccelConfig, first: int = 0, base: int = 0
) -> tuple[tuple[Command, ...], CommandFault | None]:
    """The commands in ``size`` bytes from ``address`` of ``image``, uint8 ``[bytes]``, and the
    fault that ends them, if any.

    They are numbered from ``first`` on. ``base`` is where memory has the image.
    """
    if misaligned(address, size, base):
        return (), CommandFault(Fault.MISALIGNED, first)
    decoded = decode(image, address, size, config)
    commands: list[Command] = []
    left = size // config.cols
    columns = (decoded.opcodes, decoded.fields, decoded.beats, decoded.codes)
    rows = zip(*(c.tolist() for c in columns), strict=True)
    for index, (opcode, fields, beats, code) in enumerate(rows, first):
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
    return tuple(commands), CommandFault(Fault.NO_END, first + len(commands))
