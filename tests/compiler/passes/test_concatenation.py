"""Concatenations: what is made in place, what is copied, and that the values are golden's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from compiler.codegen.program import encode_commands, mapping
from compiler.driver import compile
from compiler.hwir.network import (
    ArrayOp,
    Network,
)
from compiler.ir.graph import Graph, Node, Quant, Tensor
from compiler.options import CompilerOptions
from compiler.schedule.live_ranges import (
    LiveRange,
    live_ranges,
)
from hw.spec.config import PRESETS, with_values
from tests.compiler.codegen.hazard_checker import (
    decode,
    hazards,
)
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY = PRESETS["tiny"]
SMALL = with_values(TINY, {"scratchpad_bytes": 64 * TINY.line_bytes})


def branches(net: Net, x: str, *channels: int) -> tuple[str, ...]:
    return tuple(net.conv(x, count, kernel=(1, 1), activation="relu") for count in channels)


def joined(net: Net, *inputs: str) -> str:
    return net.op("concatenation", inputs)


def network(graph: Graph, materialize: bool = False) -> Network:
    return compile(graph, TINY, CompilerOptions(materialize)).network


def copies(graph: Graph) -> list[ArrayOp]:
    return [op for op in network(graph).ops if op.kind == "concatenation"]


def requantised(graph: Graph, name: str) -> Graph:
    """The graph with another scale for one tensor."""
    tensor = graph.tensors[name]
    assert tensor.quant is not None
    graph.tensors[name] = dataclasses.replace(
        tensor, quant=Quant((tensor.quant.scale[0] * 1.3,), (tensor.quant.zero_point[0] ^ 3,))
    )
    return graph


def aligned() -> Graph:
    net = Net((9, 7, 3))
    x = joined(net, *branches(net, "input", 8, 4, 5))
    return net.finish(net.conv(x, 6))


def read_by_others() -> Graph:
    net = Net((9, 7, 3))
    a, b, c = branches(net, "input", 8, 4, 8)
    x = joined(net, net.add(a, c), b, a)
    return net.finish(net.conv(x, 6), net.conv(b, 5), a)


def nested() -> Graph:
    net = Net((9, 7, 3))
    inner = joined(net, *branches(net, "input", 4, 8))
    outer = joined(net, *branches(net, "input", 4), inner, *branches(net, inner, 3))
    return net.finish(net.conv(outer, 6))


def in_two_concatenations() -> Graph:
    net = Net((9, 7, 3))
    a, b = branches(net, "input", 8, 4)
    first = joined(net, a, b, a)
    return net.finish(net.conv(joined(net, b, first), 6))


def network_input() -> Graph:
    net = Net((9, 7, 3))
    return net.finish(net.conv(joined(net, *branches(net, "input", 8), "input"), 6))


def unaligned() -> Graph:
    net = Net((9, 7, 3))
    x = joined(net, *branches(net, "input", 9, 3, 1, 14))
    return net.finish(net.add(net.conv(x, 27, kernel=(1, 1)), x))


def other_scales() -> Graph:
    net = Net((9, 7, 3))
    a, b = branches(net, "input", 8, 6)
    graph = net.finish(net.conv(joined(net, a, b), 6))
    return requantised(requantised(graph, a), b)


def added_and_stored() -> Graph:
    net = Net((9, 7, 3))
    a, b = branches(net, "input", 8, 8)
    total = net.add(net.conv(a, 8, kernel=(1, 1)), b)
    return net.finish(joined(net, b, total))


def flipped_input() -> Graph:
    net = Net((9, 7, 3))
    graph = net.finish(net.conv(joined(net, "input", *branches(net, "input", 5)), 6))
    x = graph.tensors["input"]
    assert x.quant is not None
    quant = Quant(x.quant.scale, (x.quant.zero_point[0] + 128,))
    graph.tensors["raw"] = Tensor("raw", x.shape, "uint8", quant)
    graph.nodes.insert(0, Node("flip", "quantize", ("raw",), ("input",), {}))
    return dataclasses.replace(graph, inputs=("raw",))


CASES = (
    aligned,
    read_by_others,
    nested,
    in_two_concatenations,
    network_input,
    unaligned,
    other_scales,
    added_and_stored,
    flipped_input,
)


@pytest.mark.parametrize("materialize", (False, True))
@pytest.mark.parametrize(
    "config", (TINY, SMALL, PRESETS["edge256"]), ids=lambda c: f"{c.name}-{c.scratchpad_lines}"
)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_values_and_waits(case, config, materialize):
    graph = case()
    assert check(graph, config, materialize, 1)
    compiled = compile(graph, config, CompilerOptions(materialize))
    assert not hazards(encode_commands(compiled.commands, compiled.config), config)


def test_aligned_inputs_are_made_in_place():
    found = network(aligned())
    assert [op.kind for op in found.ops] == ["conv2d"] * 4
    parts = [m for m in found.maps.values() if m.parent]
    assert [(m.channels, m.plane) for m in parts] == [(8, 0), (4, 2), (5, 3)]


@pytest.mark.parametrize("case", (read_by_others, nested), ids=lambda c: c.__name__)
def test_neither_other_readers_nor_nesting_take_a_copy(case):
    assert not copies(case())


@pytest.mark.parametrize(
    ("case", "notes"),
    (
        (
            in_two_concatenations,
            [
                "planes 3:5: it already lies in a concatenation",
                "planes 0:1: it already lies in a concatenation",
            ],
        ),
        (network_input, ["planes 2:3: it is an input of the network"]),
        (other_scales, [f"planes {p}: its scale or zero point is another" for p in ("0:2", "2:4")]),
    ),
    ids=lambda c: getattr(c, "__name__", ""),
)
def test_copies_say_why(case, notes):
    made = copies(case())
    assert [op.notes[0] for op in made] == [f"copied into {note}" for note in notes]


def test_unaligned_channels_are_moved_together():
    (op,) = copies(unaligned())
    assert "1x1 convolution with weights 0 and 1: 4 channels a word" in op.notes[0]
    compiled = compile(unaligned(), TINY)
    plan = next(p for p in compiled.plans if p.site.op.sparse)
    blocks = [r.in_blocks for c in plan.chunks for r in c.ranges]
    assert max(blocks) < plan.site.source.planes(TINY.cols)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_copies_are_no_macs_of_the_network(case):
    compiled = compile(case(), TINY)
    ops = compiled.network.ops
    for command, (_, fields) in zip(
        compiled.commands, decode(encode_commands(compiled.commands, compiled.config)), strict=True
    ):
        if "network" in fields:
            assert fields["network"] == (ops[command.layer].macs > 0)
    assert all(op.macs == 0 for op in ops if op.kind == "concatenation")


def test_parts_in_memory_are_described_where_they_lie():
    compiled = compile(aligned(), TINY, CompilerOptions(materialize=True))
    found = {t["name"]: t for t in mapping(compiled)["tensors"]}
    whole = found["concatenation3"]
    offsets = [found[f"conv2d{i}"]["address"] - whole["address"] for i in range(3)]
    assert offsets == list(np.array([0, 2, 3]) * whole["plane_bytes"])


def test_a_part_alone_in_memory_does_not_stand_for_the_whole():
    compiled = compile(read_by_others(), TINY)
    stored = [t["name"] for t in mapping(compiled)["tensors"]]
    assert "conv2d0" in stored and "concatenation4" not in stored


def test_a_map_stays_from_its_first_maker_to_its_last_reader():
    found = network(nested())
    outer = found.root(found.ops[0].output)
    makers = [i for i, op in enumerate(found.ops) if found.root(op.output) == outer]
    assert makers == [0, 1, 2, 3] and found.ops[4].reads == (outer,)
    assert live_ranges(found)[outer] == LiveRange(0, 4)
