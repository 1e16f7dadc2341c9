"""The C header of a mapped network, compiled as C99 and C++, says where every value lies."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from compiler.codegen.c_header import c_header, prefix_of
from compiler.codegen.program import image, mapping
from compiler.command_line import main
from compiler.driver import compile
from compiler.frontend import write_model
from compiler.ir.graph import Graph, Tensor
from compiler.ir.randomize import randomize
from compiler.options import CompilerOptions
from hw.spec.config import preset
from sim.program_reader import Program, program_of
from tests.compiler.graphs import Net

FLAGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
COMPILERS = {
    "c99": ("gcc", "-std=c99", *FLAGS),
    "c++98": ("g++", "-x", "c++", "-std=c++98", *FLAGS),
    "c++17": ("g++", "-x", "c++", "-std=c++17", *FLAGS),
}
NAMES = {"net": "net", 'a*/b/*"c"??/\\': "d*/", "1x1 Größe": "ß日\\\\", "__init__": "int"}
"""Names of networks, and of an input."""


def network(name: str, other: str) -> Graph:
    """Inputs of both layouts and types, a node of the host in the middle and one in the end."""
    net = Net((5, 6, 3))
    net.tensors[other] = Tensor(other, (1, 5, 6, 9), "uint8")
    y = net.op("quantize", (other,))
    x = net.add(net.conv("input", 6, (1, 1)), net.conv(y, 6, (1, 1)))
    y = net.conv(net.op("slice", (x,), begin=2, size=4), 7, (2, 2))
    z = net.op("softmax", (net.dense(y, 5),), beta=1.0)
    return randomize(Graph(name, net.tensors, net.nodes, ("input", other), (y, z, x)))


def mapped(name: str, other: str) -> tuple[Program, dict]:
    graph = network(name, other)
    host = tuple(node.name for node in graph.nodes if node.op == "slice")
    compiled = compile(graph, preset("tiny"), CompilerOptions(host=host, base=0x1000_0000))
    found = mapping(compiled)
    return program_of(Path(), np.frombuffer(image(compiled), np.uint8), found), found


def printed(folder: Path, header: str) -> dict[str, float | list[int]]:
    """What a C program finds: the value of every macro, and the addresses of every tensor."""
    (folder / "network.h").write_text(header, encoding="ascii")
    values = re.findall(r"^#define (\w+) \S", header, re.MULTILINE)
    tensors = re.findall(r"^#define (\w+)_AT\(", header, re.MULTILINE)
    lines = [f'    printf("{name} %.17g\\n", (double)({name}));' for name in values]
    for name in tensors:
        lines += [
            f"    for (y = 0; y < {name}_HEIGHT; y++) for (x = 0; x < {name}_WIDTH; x++)",
            f"        for (c = 0; c < {name}_CHANNELS; c++)",
            f'            printf("{name} %.17g\\n", (double){name}_AT(y, x, c));',
        ]
    source = '#include "network.h"\n#include <stdio.h>\nint main(void) {\n    unsigned y, x, c;\n'
    (folder / "main.c").write_text(source + "\n".join(lines) + "\n    return 0;\n}\n")
    for name, command in COMPILERS.items():
        subprocess.run([*command, "-o", folder / name, folder / "main.c"], check=True)
    texts = [subprocess.check_output([folder / name], text=True) for name in COMPILERS]
    assert texts[1:] == texts[:1] * 2
    found: dict = {name: [] for name in tensors}
    for line in texts[0].splitlines():
        name, value = line.split()
        if name in tensors:
            found[name].append(int(value))
        else:
            found[name] = float(value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_value_lies_where_the_header_says(name, tmp_path, seed):
    program, content = mapped(name, NAMES[name])
    found = printed(tmp_path, c_header(content))
    prefix = prefix_of(name)
    rng = np.random.default_rng(seed)
    placed = {
        f"{prefix}_INPUT_0": "input", f"{prefix}_INPUT_1": NAMES[name],
        f"{prefix}_OUTPUT_0": program.graph["outputs"][0],
        f"{prefix}_OUTPUT_2": program.graph["outputs"][2],
        f"{prefix}_HOST_0": "slice4", f"{prefix}_HOST_1": "fully_connected6",
    }  # fmt: skip
    assert placed.keys() == {key for key, value in found.items() if isinstance(value, list)}
    for macro, tensor in placed.items():
        place, quant = program.places[tensor], program.graph["tensors"][tensor]
        values = rng.integers(0, 256, place.shape, np.uint8).astype(place.dtype)
        memory = np.zeros(content["memory_size"], np.uint8)
        place.write(memory, values, program.config.cols)
        stored = memory[found[macro]] ^ np.uint8(found[f"{macro}_FLIP"])
        np.testing.assert_array_equal(stored.view(place.dtype), values.ravel())
        assert found[f"{macro}_SCALE"] == quant["scale"][0]
        assert found[f"{macro}_ZERO_POINT"] == quant["zero_point"][0]
        bounds = np.iinfo(place.dtype)
        assert (found[f"{macro}_MIN"], found[f"{macro}_MAX"]) == (bounds.min, bounds.max)


def test_sizes_ranges_and_programs_are_those_of_the_mapping(tmp_path):
    program, content = mapped("net", "other")
    found = printed(tmp_path, c_header(content))
    assert found["NET_BASE"] == 0x1000_0000 and found["NET_MEMORY_BYTES"] == content["memory_size"]
    assert found["NET_IMAGE_BYTES"] == content["image_size"]
    ranges = dataclasses.asdict(program.address_ranges)
    assert {name: found[f"NET_{name.upper()}"] for name in ranges} == ranges
    assert found["NET_PROGRAMS"] == len(program.segments) == 2
    for number, segment in enumerate(program.segments):
        macro, code = f"NET_PROGRAM_{number}", program.image[segment.address :][:16]
        assert found[f"{macro}_ADDRESS"] == segment.address
        assert found[f"{macro}_BYTES"] == segment.size
        assert found[f"{macro}_FINGERPRINT"] == int.from_bytes(code[12:16].tobytes(), "little")


def test_map_writes_it(tmp_path, capsys):
    path = tmp_path / "net.h"
    model = write_model(network("net", "other"), tmp_path / "net.json")
    words = ["map", str(model), "-o", str(tmp_path / "out"), "--preset", "tiny", "--json"]
    assert main([*words, "--base", "0x40000000", "--header", str(path)]) == 0
    content = json.loads((tmp_path / "out" / "mapping.json").read_text())
    assert path.read_text() == c_header(content)
    assert "#define NET_BASE 0x40000000u\n" in path.read_text()
    assert main([*words, "--header", str(tmp_path / "none" / "net.h")]) == 2
    assert "none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("mobilenet_v2", "MOBILENET_V2"),
        ("2d-net", "NETWORK_2D_NET"),
        ("ß", "SS"),
        ("日本", "NETWORK"),
        ("x" * 40, "X" * 32),
    ],
)
def test_names_become_identifiers(name, prefix):
    assert prefix_of(name) == prefix
