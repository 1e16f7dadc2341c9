"""A C header of a mapped network: where program, inputs and outputs lie, and what they mean.

It is made of ``mapping.json`` alone. C99 and C++ read it; it has macros and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from compiler.codegen.program import MAPPING
from compiler.whole_files import write_file

_LEAST = {"int8": -128, "uint8": 0}
"""The least value of a tensor in memory, by type."""
LONGEST_PREFIX = 32
"""Characters of a network's name in the names of macros, of which C99 tells 63 apart."""

_INTRODUCTION = """\
 *
 * Written by `python -m compiler map --header`. program.bin lies at the address {p}_BASE of the
 * memory bus, or at any other multiple of 4096: it is the same at each. The accelerator's register
 * `base` has that address, and everything else called an address here counts from it. The
 * {p}_MEMORY_BYTES bytes from there on are the network's: the {p}_IMAGE_BYTES of program.bin first,
 * then inputs and feature maps.
 *
 * {p}_PROGRAM_n(base, code) initialises a struct accel_program of accel.h for run n. `code` is that
 * run's program where the processor finds it, or null.
 *
 * A tensor has HEIGHT x WIDTH pixels of CHANNELS channels, a byte each: AT(y, x, c) is its address.
 * The byte is the quantised value q, from MIN to MAX, with the bits inverted that FLIP has. q means
 * SCALE * (q - ZERO_POINT). Bytes that no (y, x, c) has may hold anything.
 */"""


def write_header(path: Path, folder: Path) -> None:
    """Write the header of the network mapped into ``folder``. Raises InputError, and leaves no part
    of it."""
    mapping = json.loads((folder / MAPPING).read_text(encoding="utf-8"))
    write_file(path, c_header(mapping))


def c_header(mapping: Mapping[str, Any]) -> str:
    """The header's text for the content of ``mapping.json``."""
    prefix = prefix_of(mapping["network"])
    machine = f"{mapping['config']['name']}, a machine with words of {mapping['config']['cols']}"
    lines = [
        f"/* {_quoted(mapping['network'])} for {machine} bytes.",
        *_INTRODUCTION.format(p=prefix).splitlines(),
        f"#ifndef {prefix}_H",
        f"#define {prefix}_H",
        "",
        *_memory(prefix, mapping),
        *_programs(prefix, mapping),
    ]
    for name, number, entry in _tensors(mapping):
        macro, title = f"{prefix}_{name}_{number}", f"{name.lower()} {number}"
        lines += ["", *_tensor(macro, title, entry, mapping["config"]["cols"])]
    return "\n".join([*lines, "", "#endif", ""])


def prefix_of(network: str) -> str:
    """The beginning of the names of a network's macros."""
    name = re.sub(r"[^A-Z0-9]+", "_", network.upper()).strip("_")[:LONGEST_PREFIX].strip("_")
    return name if name[:1].isalpha() else f"NETWORK_{name}".strip("_")


def _memory(prefix: str, mapping: Mapping[str, Any]) -> Iterator[str]:
    values = {
        "BASE": mapping["base"],
        "IMAGE_BYTES": mapping["image_size"],
        "MEMORY_BYTES": mapping["memory_size"],
    }
    for kind in ("read", "write"):
        first, limit = mapping[f"{kind}_range"]
        values |= {f"{kind.upper()}_BASE": first, f"{kind.upper()}_LIMIT": limit}
    for name, value in values.items():
        yield _define(f"{prefix}_{name}", f"0x{value:08x}u")


def _programs(prefix: str, mapping: Mapping[str, Any]) -> Iterator[str]:
    """The runs of the machine, and what the host does after each."""
    nodes = {entry["node"]: entry for entry in mapping["host"]}
    yield _define(f"{prefix}_PROGRAMS", f"{len(mapping['segments'])}u")
    ranges = [f"{prefix}_{n}" for n in ("READ_BASE", "READ_LIMIT", "WRITE_BASE", "WRITE_LIMIT")]
    for number, segment in enumerate(mapping["segments"]):
        name = f"{prefix}_PROGRAM_{number}"
        parts = {
            "ADDRESS": segment["program_addr"],
            "BYTES": segment["program_size"],
            "FINGERPRINT": segment["fingerprint"],
        }
        yield ""
        for part, value in parts.items():
            yield _define(f"{name}_{part}", f"0x{value:08x}u")
        places = [f"{name}_ADDRESS", f"{name}_BYTES", *ranges]
        yield _define(f"{name}(base, code)", f"{{(base), {', '.join(places)}, (code)}}")
        for node in (nodes[name] for name in segment["host"]):
            ends = (", ".join(map(_quoted, node[side])) for side in ("inputs", "outputs"))
            yield f"/* Then the host: {_quoted(node['op'])} of {' makes '.join(ends)}. */"


def _tensors(mapping: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """The tensors of the header: kind, number and entry. Of what lies in memory, those that the
    host's nodes read or make follow the inputs and the outputs."""
    placed = {entry["name"]: entry for entry in [*mapping["inputs"], *mapping["tensors"]]}
    made = {entry["name"]: entry for entry in mapping["host_tensors"]}
    for number, entry in enumerate(mapping["inputs"]):
        yield "INPUT", number, entry
    for number, name in enumerate(mapping["outputs"]):
        yield "OUTPUT", number, placed.get(name) or made[name]
    known = {*(entry["name"] for entry in mapping["inputs"]), *mapping["outputs"]}
    sides = [name for n in mapping["host"] for name in (*n["inputs"], *n["outputs"])]
    others = [name for name in dict.fromkeys(sides) if name in placed and name not in known]
    for number, name in enumerate(others):
        yield "HOST", number, placed[name]


def _tensor(name: str, title: str, entry: Mapping[str, Any], word: int) -> Iterator[str]:
    """The macros of a tensor, which begin with ``name``; a word has ``word`` bytes."""
    text = f"/* {title}: {_quoted(entry['name'])}, {_typed(entry)}"
    if "address" not in entry:
        yield f"{text}: the host makes it, and it is not in memory. */"
        return
    declared = entry["declared"]
    if declared is not None:
        text += f"; the model has {_typed(declared)}, of its axes {declared['order']}"
    yield f"{text}. */"
    values = {
        "ADDRESS": f"0x{entry['address']:08x}u",
        "HEIGHT": f"{entry['height']}u",
        "WIDTH": f"{entry['width']}u",
        "CHANNELS": f"{entry['channels']}u",
        "MIN": str(least) if (least := _LEAST[entry["dtype"]]) >= 0 else f"({least})",
        "MAX": str(least + 255),
        "FLIP": "0x80u" if entry.get("flip") else "0x00u",
    }
    if entry["scale"] is not None:
        (scale,), (zero_point,) = entry["scale"], entry["zero_point"]
        values |= {"SCALE": repr(float(scale)), "ZERO_POINT": f"({zero_point})"}
    for part, value in values.items():
        yield _define(f"{name}_{part}", value)
    pixel = f"((y) * {name}_WIDTH + (x))"
    place = f"{pixel} * {name}_CHANNELS + (c)"
    if plane := entry.get("plane_bytes"):
        place = f"(c) / {word}u * {plane}u + {pixel} * {word}u + (c) % {word}u"
    yield _define(f"{name}_AT(y, x, c)", f"({name}_ADDRESS + {place})")


def _typed(entry: Mapping[str, Any]) -> str:
    shape: Sequence[int] = entry["shape"]
    return f"{entry['dtype']} {list(shape)}"


def _define(name: str, value: str) -> str:
    return f"#define {name} {value}"


def _quoted(name: str) -> str:
    """A name in ASCII, in quotes, that neither begins nor ends a comment."""
    return json.dumps(name).replace("*/", "*\\/").replace("/*", "/\\*")
