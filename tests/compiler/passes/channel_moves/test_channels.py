"""Slices, shuffles and padded channels: what is free, what is a pass, and golden's values."""

from __future__ import annotations

import pytest

from compiler.codegen.program import encode_commands, mapping
from compiler.driver import compile
from compiler.hwir.network import Network
from compiler.ir.graph import Graph
from compiler.options import CompilerOptions
from hw.spec.config import PRESETS, with_values
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY = PRESETS["tiny"]
SMALL = with_values(TINY, {"scratchpad_bytes": 64 * TINY.line_bytes})


def network(graph: Graph, materialize: bool = False) -> Network:
    return compile(graph, TINY, CompilerOptions(materialize)).network


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in network(graph).ops]


def cut(net: Net, x: str, begin: int, size: int) -> str:
    return net.op("slice", (x,), begin=begin, size=size)


def aligned_slices() -> Graph:
    """Read by a layer, added, sliced again and given out."""
    net = Net((9, 7, 3))
    x = net.conv("input", 24, kernel=(1, 1))
    a, b = cut(net, x, 0, 10), cut(net, x, 12, 10)
    y = net.add(net.conv(a, 10, kernel=(1, 1)), b)
    return net.finish(y, cut(net, b, 4, 5), net.depthwise(cut(net, b, 8, 2)))


def slice_of_an_added_layer() -> Graph:
    """A layer that an addition would take, were it not for the slice."""
    net = Net((9, 7, 3))
    x = net.conv("input", 8, kernel=(1, 1))
    y = net.conv(x, 8, kernel=(1, 1))
    return net.finish(net.add(x, y), net.pool("max_pool2d", cut(net, y, 4, 4), (2, 2)))


def unaligned_slices() -> Graph:
    net = Net((9, 7, 3))
    x = net.conv("input", 23, kernel=(1, 1))
    return net.finish(net.depthwise(cut(net, x, 5, 9)), net.add(*[cut(net, x, 13, 10)] * 2))


def slices_of_the_input() -> Graph:
    net = Net((9, 7, 11))
    return net.finish(net.depthwise(cut(net, "input", 4, 6)), cut(net, "input", 0, 3))


def joined_slices() -> Graph:
    """Slices of a concatenation in another one, beside what is made for both."""
    net = Net((9, 7, 3))
    a, b = net.conv("input", 8, kernel=(1, 1)), net.conv("input", 12, kernel=(1, 1))
    x = net.op("concatenation", (a, b))
    y = net.op("concatenation", (cut(net, x, 8, 8), a, cut(net, x, 6, 4)))
    return net.finish(net.pool("max_pool2d", y, (2, 2)), net.depthwise(x))


def shuffles() -> Graph:
    net = Net((9, 7, 3))
    x = net.op("channel_shuffle", (net.conv("input", 18, kernel=(1, 1)),), groups=3)
    y = net.conv(x, 12, kernel=(1, 1), groups=3)
    return net.finish(net.add(x, net.op("channel_shuffle", (x,), groups=2)), y)


def padded_channels() -> Graph:
    net = Net((9, 7, 3))
    x = net.conv("input", 6, kernel=(1, 1))
    a = net.op("pad", (x,), channel_padding=(5, 8))
    b = net.op(
        "pad", (net.pool("max_pool2d", x, (2, 2)),), padding=(1, 0, 2, 1), channel_padding=(0, 3)
    )
    return net.finish(
        net.depthwise(a), net.conv(b, 5), net.op("pad", ("input",), channel_padding=(1, 4))
    )


CASES = (
    aligned_slices,
    slice_of_an_added_layer,
    unaligned_slices,
    slices_of_the_input,
    joined_slices,
    shuffles,
    padded_channels,
)


@pytest.mark.parametrize("materialize", (False, True))
@pytest.mark.parametrize(
    "config", (TINY, SMALL, PRESETS["edge256"]), ids=lambda c: f"{c.name}-{c.scratchpad_lines}"
)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_values_and_waits(case, config, materialize):
    graph = case()
    found = check(graph, config, materialize, 1)
    assert found == len(graph.nodes) if materialize else found >= len(graph.outputs)
    compiled = compile(graph, config, CompilerOptions(materialize))
    assert not hazards(encode_commands(compiled.commands, config), config)


def test_slices_of_whole_planes_are_views():
    assert kinds(aligned_slices()) == ["conv2d", "conv2d+add", "depthwise_conv2d"]
    views = [m for m in network(aligned_slices()).maps.values() if m.view]
    assert [(m.parent, m.plane, m.channels) for m in views] == [
        ("conv2d0", 0, 10),
        ("conv2d0", 3, 10),
        ("slice2", 1, 5),
        ("slice2", 2, 2),
    ]


def test_a_layer_with_a_slice_stays():
    assert kinds(slice_of_an_added_layer()) == ["conv2d", "conv2d", "add", "max_pool2d"]


def test_slices_of_a_deep_input_are_views():
    assert kinds(slices_of_the_input()) == ["depthwise_conv2d"]


def test_slices_of_an_input_of_pixels_are_passes():
    net = Net((9, 7, 3))
    assert kinds(net.finish(net.depthwise(cut(net, "input", 0, 2)))) == [
        "slice",
        "depthwise_conv2d",
    ]


def test_a_slice_in_a_concatenation_is_copied():
    notes = [n.notes[0] for n in network(joined_slices()).ops if n.kind == "concatenation"]
    assert notes == [
        "copied into planes 0:2: it is a slice",
        "copied into planes 2:4: it already lies in a concatenation",
    ]


def test_a_stored_slice_is_described_where_its_parent_lies():
    compiled = compile(aligned_slices(), TINY)
    found = {t["name"]: t for t in mapping(compiled)["tensors"]}
    whole, part = found["conv2d0"], found["slice5"]
    assert part["address"] == whole["address"] + 4 * whole["plane_bytes"]
    assert "slice7" not in found or found["slice7"]["address"] > part["address"]


def test_passes_that_move_channels_are_no_macs_of_the_network():
    for case in CASES:
        compiled = compile(case(), TINY, CompilerOptions(materialize=True))
        for op in compiled.network.ops:
            assert (op.macs > 0) == (op.kind in ("conv2d", "depthwise_conv2d", "fully_connected"))
