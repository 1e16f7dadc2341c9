"""The files of a mapping: encoding, weights, layout, determinism, all or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from compiler.codegen import program
from compiler.codegen.commands import Span
from compiler.codegen.weights import weight_bytes
from compiler.driver import compile
from compiler.errors import InputError
from compiler.ir.graph import Graph
from compiler.schedule.channel_blocks import (
    balanced_chunks,
    block_ranges,
    chunks_of,
)
from hw.spec.config import PRESETS, to_dict
from tests.compiler.codegen.hazard_checker import decode
from tests.compiler.graphs import (
    Net,
    random_graph,
)

EDGE = PRESETS["edge256"]


def test_fields_survive_encoding():
    compiled = compile(random_graph(5), EDGE)
    found = decode(program.encode_commands(compiled.commands, compiled.config))
    assert len(found) == len(compiled.commands)
    for (opcode, fields), command in zip(found, compiled.commands, strict=True):
        assert opcode == command.opcode
        assert all(fields[name] == value for name, value in command.fields.items())


def test_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        program.write(compile(random_graph(9), EDGE), tmp_path / name)
    for file in ("program.bin", "mapping.json", "model.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_mapping_describes_the_image(tmp_path):
    net = Net((6, 5, 3))
    x = net.conv("input", 20, activation="relu")
    graph = net.finish(net.op("softmax", (net.dense(x, 7),), beta=1.0))
    compiled = compile(graph, EDGE)
    folder = program.write(compiled, tmp_path / "out")
    found = json.loads((folder / "mapping.json").read_text())
    assert found["config"] == to_dict(EDGE)
    assert (folder / "program.bin").stat().st_size == found["image_size"]
    assert found["segments"][0]["program_size"] % 64 == 0 and found["random_weights"]
    assert [i["name"] for i in found["inputs"]] == ["input"]
    assert found["inputs"][0]["nbytes"] == 90
    assert [t["name"] for t in found["tensors"]] == ["fully_connected1"]
    assert found["not_stored"] == ["conv2d0"]
    assert [h["op"] for h in found["host"]] == ["softmax"]
    assert found["outputs"] == ["softmax2"]
    indices = [i for op in found["layers"] for i in op["commands"]]
    assert sorted(indices) == list(range(len(compiled.commands) - 1))
    assert found["macs"] == 4 * 3 * 20 * 27 + 240 * 7
    low, high = found["write_range"]
    assert all(low <= t["address"] < high for t in found["tensors"])
    assert found["read_range"][1] <= low


def test_nothing_is_left_behind_when_writing_fails(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(program, "write_model", fail)
    with pytest.raises(InputError, match="out: cannot be written: No space left on device"):
        program.write(compile(random_graph(1), EDGE), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="out: not a folder; a folder or a new name is accepted"):
        program.write(compile(random_graph(1), EDGE), tmp_path / "out")


def test_weight_words_are_in_the_order_of_use():
    net = Net((3, 3, 5))
    graph = net.finish(net.conv("input", 9, kernel=(1, 2)))
    tiny = PRESETS["tiny"]
    op = compile(graph, tiny).network.ops[0]
    maps = compile(graph, tiny).network.maps
    (run,) = block_ranges(op, maps["input"], maps["conv2d0"], 1, tiny)
    words = np.frombuffer(weight_bytes(op, run, 4), np.int8).reshape(2, -1, 4)
    order = [(0, t, c) for t in range(2) for c in range(4)] + [(1, t, 0) for t in range(2)]
    for place, (block, tap, channel) in enumerate(order):
        for plane in range(2):
            expected = op.weights[plane * 4 : plane * 4 + 4, 0, tap, block * 4 + channel]
            np.testing.assert_array_equal(words[0, place * 2 + plane], expected)
    assert not words[1, 1::2].any(), "the third plane stands alone in the last block"


@pytest.mark.parametrize("limit", (1, 100, 1000, 1 << 30))
def test_chunks_cover_the_planes_once(limit):
    net = Net((3, 3, 24))
    compiled = compile(net.finish(net.conv("input", 100, groups=2)), PRESETS["tiny"])
    op, maps = compiled.network.ops[0], compiled.network.maps
    for shape in range(3):
        runs = block_ranges(op, maps["input"], maps["conv2d0"], shape, PRESETS["tiny"])
        for cut in (chunks_of, balanced_chunks):
            planes = [(r.first_plane, r.planes) for c in cut(runs, 1, limit) for r in c.ranges]
            assert sum(count for _, count in planes) == 25
            assert all(a + n == b for (a, n), (b, _) in pairwise(planes))


def test_spans_are_readable():
    assert str(Span(8, 4, 3, 16)) == "8+4 x3 every 16"
    assert Span(8, 4, 3, 4).simplified() == Span(8, 12)


def _renamed(graph: Graph, old: str, new: str) -> Graph:
    """The graph with another name for a tensor."""

    def name(found: str) -> str:
        return new if found == old else found

    nodes = [
        replace(n, inputs=tuple(map(name, n.inputs)), outputs=tuple(map(name, n.outputs)))
        for n in graph.nodes
    ]
    tensors = {name(key): replace(t, name=name(key)) for key, t in graph.tensors.items()}
    inputs, outputs = (tuple(map(name, names)) for names in (graph.inputs, graph.outputs))
    return replace(graph, nodes=nodes, tensors=tensors, inputs=inputs, outputs=outputs)


@pytest.mark.parametrize("place", ["inputs", "outputs"])
def test_a_tensor_may_have_the_name_of_the_constants(place):
    net = Net((6, 5, 3))
    graph = net.finish(net.conv("input", 20))
    (old,) = getattr(graph, place)
    renamed = compile(_renamed(graph, old, "constants"), EDGE)
    assert program.image(renamed) == program.image(compile(graph, EDGE))
