"""Compiled programs compute what golden computes, command by command in program order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from compiler.codegen.compiled import Compiled
from compiler.codegen.program import encode_commands, image, mapping
from compiler.driver import compile
from compiler.errors import AllocationError
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.options import CompilerOptions
from golden import network as golden
from hw.spec.config import PRESETS, with_values
from hw.spec.isa import Opcode
from sim.values.execute import execute
from sim.values.load_store import (
    load,
    store,
)
from sim.values.memories import (
    AddressRanges,
    State,
)
from tests.compiler.codegen.hazard_checker import decode
from tests.compiler.graphs import (
    Net,
    random_graph,
)

RUN = {
    Opcode.LOAD: load,
    Opcode.STORE: store,
    Opcode.EXECUTE: lambda state, fields: execute([state], fields),
}
TINY = PRESETS["tiny"]


def run(compiled: Compiled, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The stored tensors after the program."""
    described, cols = mapping(compiled), compiled.config.cols
    windows = AddressRanges(*described["read_range"], *described["write_range"])
    state = State(compiled.config, np.frombuffer(image(compiled), np.uint8), windows)
    for entry in described["inputs"]:
        put_input(state.memory, entry, inputs[entry["name"]], cols)
    for opcode, fields in decode(encode_commands(compiled.commands, compiled.config)):
        if opcode != Opcode.END:
            RUN[opcode](state, fields)
    found = {}
    for t in described["tensors"]:
        pixels = t["height"] * t["width"]
        planes = [
            state.memory[first : first + pixels * cols].reshape(pixels, cols)
            for plane in range(-(-t["channels"] // cols))
            for first in [t["address"] + plane * t["plane_bytes"]]
        ]
        values = np.concatenate(planes, axis=1)[:, : t["channels"]]
        found[t["name"]] = np.ascontiguousarray(values).view(np.int8).reshape(t["shape"])
    return found


def put_input(memory: np.ndarray, entry: dict, values: np.ndarray, cols: int) -> None:
    """Write an input where and as ``entry`` of mapping.json says."""
    data = values.view(np.uint8)
    if entry["layout"] == "pixels":
        memory[entry["address"] : entry["address"] + entry["nbytes"]] = data.ravel()
        return
    pixels = data.reshape(-1, entry["channels"])
    for channel in range(entry["channels"]):
        first = entry["address"] + channel // cols * entry["plane_bytes"] + channel % cols
        end = first + len(pixels) * cols
        memory[first:end:cols] = pixels[:, channel] + 128 * entry["flip"]


def check(graph: Graph, config, materialize: bool, seed: int) -> int:
    """Compare every stored tensor with golden's; returns how many there are."""
    return check_compiled(compile(graph, config, CompilerOptions(materialize)), graph, seed)


def check_compiled(compiled: Compiled, graph: Graph, seed: int) -> int:
    """As ``check``, of a graph that is compiled already."""
    rng = np.random.default_rng(seed)
    inputs = {}
    for name in graph.inputs:
        info = np.iinfo(graph.tensors[name].dtype)
        shape = graph.tensors[name].shape
        inputs[name] = rng.integers(info.min, info.max + 1, shape).astype(info.dtype)
    expected = golden.run(graph.to_dict(), inputs)
    found = run(compiled, inputs)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], f"{graph.name} {name}")
    return len(found)


@pytest.mark.parametrize("materialize", (False, True))
@pytest.mark.parametrize(
    "config",
    (
        with_values(TINY, {"scratchpad_bytes": 160 * TINY.line_bytes}),
        with_values(PRESETS["ecp5"], {"scratchpad_bytes": 260 * PRESETS["ecp5"].line_bytes}),
        with_values(PRESETS["edge256"], {"scratchpad_bytes": 220 * PRESETS["edge256"].line_bytes}),
        PRESETS["edge256"],
        PRESETS["edge1024"],
    ),
    ids=lambda c: f"{c.name}-{c.scratchpad_lines}",
)
def test_random_graphs(config, materialize, seed):
    for number in range(seed, seed + 6):
        try:
            assert check(random_graph(number), config, materialize, number)
        except AllocationError:
            continue


def test_materialize_stores_every_tensor():
    net = Net((6, 7, 5))
    x = net.conv("input", 8, kernel=(1, 1))
    y = net.add(net.conv(x, 8, kernel=(1, 1)), x)
    y = net.op("pad", (y,), padding=(1, 1, 2, 0))
    y = net.dense(net.conv(y, 6), 9)
    graph = net.finish(y)
    assert check(graph, TINY, True, 0) == len(graph.nodes)
    assert check(graph, TINY, False, 0) == 1


@pytest.mark.parametrize("channels", (3, 4, 5, 9))
def test_uint8_input_is_flipped_on_the_way_in(channels):
    net = Net((5, 4, channels))
    net.tensors["input"] = dataclasses.replace(net.tensors["input"], dtype="int8")
    graph = net.finish(net.conv("input", 7))
    x = graph.tensors["input"]
    assert x.quant is not None
    raw = Tensor("raw", x.shape, "uint8", Quant(x.quant.scale, (x.quant.zero_point[0] + 128,)))
    graph.tensors["raw"] = raw
    graph.nodes.insert(0, Node("flip", "quantize", ("raw",), ("input",), {}))
    graph = dataclasses.replace(graph, inputs=("raw",))
    for materialize in (False, True):
        stored = 1 + (materialize or channels > TINY.cols)
        assert check(graph, TINY, materialize, 1) == stored
    other = dataclasses.replace(raw, quant=Quant((x.quant.scale[0] * 1.7,), (77,)))
    graph.tensors["raw"] = other
    assert check(graph, TINY, False, 1) == 1
    layers = compile(graph, TINY).network.ops
    assert [layer.kind for layer in layers] == ["quantize", "conv2d"]
