"""Multiply-accumulates that the outputs need: values by hand, and figures that cannot exceed them.

Of each case the second number is what the outputs need; the model's is the sum over its layers.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from compiler import driver
from compiler.codegen.program import mapping, write_program
from compiler.driver import compile
from compiler.errors import AllocationError, UnsupportedError
from compiler.ir.counts import macs
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.options import CompilerOptions
from compiler.passes import windows
from compiler.passes.cells import union
from compiler.passes.needed import needs
from compiler.passes.trim import trim
from compiler.report.check import check
from golden import network as golden
from hw.spec.config import PRESETS
from sim.program_reader import read_program
from sim.report import summary
from sim.simulation import run_timing
from tests.compiler import test_values
from tests.compiler.graphs import (
    Net,
    random_graph,
)

SAME = (1, 1, 1, 1)


def padded_channels() -> tuple[Graph, int]:
    net = Net((8, 8, 16))
    x = net.op("pad", (net.conv("input", 16, (1, 1)),), channel_padding=(0, 112))
    return net.finish(net.conv(x, 64, (1, 1))), 64 * (16 * 16 + 16 * 64)


def sliced_channels() -> tuple[Graph, int]:
    net = Net((8, 8, 16))
    x = net.op("slice", (net.conv("input", 128, padding=SAME),), begin=8, size=16)
    return net.finish(net.conv(x, 16, (1, 1))), 64 * (9 * 16 * 16 + 16 * 16)


def half_of_a_split() -> tuple[Graph, int]:
    net = Net((8, 8, 16))
    x = net.op("slice", (net.conv("input", 32, (1, 1)),), begin=0, size=16)
    return net.finish(net.conv(x, 16, padding=SAME)), 64 * (16 * 16 + 9 * 16 * 16)


def cut_off() -> tuple[Graph, int]:
    """7 of 9 + 3 - 1 rows and columns are cut off at either side; 4 outputs of 18 are left, to
    which lead 1 + 2 + 3 + 4 + 4 + ... of the taps of each pixel, in each direction."""
    net = Net((5, 5, 4))
    y = net.transpose("input", 6, (9, 9), (2, 2), (7, 7, 7, 7))
    pairs = sum(0 <= 2 * pixel + tap - 7 < 3 for pixel in range(5) for tap in range(9))
    assert pairs == 13
    return net.finish(y), 13 * 13 * 4 * 6


def padded_depthwise() -> tuple[Graph, int]:
    """A depthwise layer with a bias makes a value of the channels that padding added."""
    net = Net((6, 6, 4))
    x = net.depthwise(net.op("pad", ("input",), channel_padding=(2, 2)), padding=SAME)
    return net.finish(net.conv(x, 3, (1, 1))), 36 * (9 * 4 + 8 * 3)


def concatenated_and_padded() -> tuple[Graph, int]:
    net = Net((6, 6, 4))
    a = net.op("pad", (net.conv("input", 5, (1, 1)),), channel_padding=(0, 3))
    b = net.op("pad", (net.conv("input", 8, (1, 1)),), channel_padding=(8, 0))
    x = net.op("concatenation", (a, b))
    return net.finish(net.conv(x, 7)), 36 * (4 * 5 + 4 * 8) + 16 * 9 * 13 * 7


def grouped_and_padded() -> tuple[Graph, int]:
    """Groups of 4 channels: one whole, one of which 2 are padding, two of nothing else."""
    net = Net((6, 6, 6))
    x = net.op("pad", ("input",), channel_padding=(0, 10))
    return net.finish(net.conv(x, 8, (1, 1), groups=4)), 36 * (2 * 4 + 2 * 2)


def unread_groups() -> tuple[Graph, int]:
    net = Net((6, 6, 16))
    x = net.conv(net.conv("input", 16, (1, 1)), 16, (3, 3), padding=SAME, groups=4)
    x = net.op("slice", (x,), begin=4, size=6)
    return net.finish(net.conv(x, 5, (1, 1))), 36 * (16 * 8 + 9 * 4 * 6 + 6 * 5)


def shuffled_and_unread() -> tuple[Graph, int]:
    """The first half behind a shuffle of two groups: the first half of each group."""
    net = Net((6, 6, 3))
    parts = tuple(net.conv("input", 8, (1, 1)) for _ in range(2))
    x = net.op("channel_shuffle", (net.op("concatenation", parts),), groups=2)
    x = net.op("slice", (x,), begin=0, size=8)
    return net.finish(net.conv(x, 5, (1, 1))), 36 * (3 * 8 + 8 * 5)


def pooled_borders() -> tuple[Graph, int]:
    """Pools of 2x2 do not reach row and column 7 of 7, which count as published figures do."""
    net = Net((7, 7, 3))
    x = net.pool("max_pool2d", net.conv("input", 8, (1, 1)), (2, 2), (2, 2))
    return net.finish(net.conv(x, 5, (1, 1))), 49 * 3 * 8 + 9 * 8 * 5


def passed_over() -> tuple[Graph, int]:
    """A stride of 2 with a single tap reads 4x4 of 8x8 pixels; all count, as published."""
    net = Net((8, 8, 3))
    x = net.conv(net.conv("input", 8, padding=SAME), 8, padding=SAME)
    return net.finish(net.conv(x, 5, (1, 1), (2, 2))), 64 * (27 * 8 + 72 * 8) + 16 * 8 * 5


def added() -> tuple[Graph, int]:
    """A shortcut with padded channels: the sum needs all channels of the other operand."""
    net = Net((6, 6, 4))
    x = net.conv("input", 4, (1, 1))
    y = net.add(net.conv(x, 8, (1, 1)), net.op("pad", (x,), channel_padding=(2, 2)))
    return net.finish(net.conv(y, 3, (1, 1))), 36 * (16 + 32 + 24)


def averaged() -> tuple[Graph, int]:
    """The mean of padded channels, and a fully connected layer of it without them."""
    net = Net((6, 6, 4))
    x = net.op("mean", (net.op("pad", (net.conv("input", 4, (1, 1)),), channel_padding=(4, 8)),))
    return net.finish(net.dense(x, 10)), 36 * 16 + 4 * 10


def on_the_host() -> tuple[Graph, int]:
    """Layer normalisation of a slice needs its channels, softmax all of its own."""
    net = Net((6, 6, 4))
    x = net.op("slice", (net.conv("input", 12, (1, 1)),), begin=4, size=8)
    y = net.op(
        "slice", (net.op("softmax", (net.conv("input", 6, (1, 1)),), beta=1.0),), begin=2, size=2
    )
    return net.finish(net.layer_norm(x), y), 36 * (4 * 8 + 4 * 6)


def segments() -> tuple[Graph, int]:
    """Outputs of both segments; the second reads a quarter of the channels of the first."""
    net = Net((6, 6, 4))
    x = net.conv("input", 8, (1, 1))
    y = net.layer_norm(net.op("slice", (x,), begin=4, size=2))
    z = net.conv(net.op("slice", (net.conv(y, 12, (1, 1)),), begin=4, size=4), 3, (1, 1))
    return net.finish(net.op("slice", (x,), begin=0, size=4), z), 36 * (4 * 6 + 2 * 4 + 4 * 3)


def multiplied_by_nothing() -> tuple[Graph, int]:
    """Where a factor is 0, the other is not needed."""
    net = Net((6, 6, 4))
    x = net.op("pad", (net.op("mean", (net.conv("input", 4, (1, 1)),)),), channel_padding=(0, 4))
    y = net.op("mul", (net.conv("input", 8, (1, 1)), x))
    return net.finish(net.conv(y, 3, (1, 1))), 36 * (16 + 16 + 4 * 3)


CASES = (
    padded_channels,
    sliced_channels,
    half_of_a_split,
    cut_off,
    padded_depthwise,
    concatenated_and_padded,
    grouped_and_padded,
    unread_groups,
    shuffled_and_unread,
    pooled_borders,
    passed_over,
    added,
    averaged,
    on_the_host,
    segments,
    multiplied_by_nothing,
)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_the_outputs_need_what_is_counted_by_hand(case):
    graph, needed = case()
    assert needs(graph).macs == needed


@pytest.mark.parametrize("preset", ("tiny", "edge256"))
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_no_figure_exceeds_what_is_possible(case, preset, tmp_path):
    graph, needed = case()
    for materialize in (False, True):
        compiled = compile(graph, PRESETS[preset], CompilerOptions(materialize))
        write_program(compiled, tmp_path)
        program = read_program(tmp_path)
        timing = run_timing(program)
        found = summary(program, timing)
        check(program, timing, found)
        assert found["macs"] == needed and found["model_macs"] == sum(macs(graph).values())


@pytest.mark.parametrize(
    "case", [c for c in CASES if c not in (on_the_host, segments)], ids=lambda c: c.__name__
)
def test_values_are_golden_s(case):
    assert test_values.check(case()[0], PRESETS["tiny"], False, 1)


TRIMMED = (
    padded_channels,
    sliced_channels,
    half_of_a_split,
    concatenated_and_padded,
    shuffled_and_unread,
    on_the_host,
    segments,
    multiplied_by_nothing,
)
"""Cases of which every multiply-accumulate that is left is needed."""


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_a_graph_with_fewer_channels_means_the_same(case):
    graph, needed = case()
    trimmed = trim(graph, needs(graph))
    verify(trimmed, "quantised")
    assert needs(trimmed).macs == needed
    same_values(graph, trimmed)
    if case in TRIMMED:
        assert all(work.done == work.needed for work in needs(trimmed).work.values())


def test_a_move_to_another_scale_stays():
    """A slice may have a scale a little other than its input's; its readers use its own."""
    graph, _ = sliced_channels()
    (cut,) = (node for node in graph.nodes if node.op == "slice")
    tensor = graph.tensors[cut.outputs[0]]
    (scale,) = tensor.quant.scale
    other = dataclasses.replace(tensor.quant, scale=(scale * (1 + 9e-7),))
    tensors = graph.tensors | {cut.outputs[0]: dataclasses.replace(tensor, quant=other)}
    graph = dataclasses.replace(graph, tensors=tensors)
    verify(graph, "quantised")
    trimmed = trim(graph, needs(graph))
    reader = trimmed.nodes[-1]
    assert trimmed.tensors[reader.inputs[0]].quant == other
    same_values(graph, trimmed)


def test_random_graphs_with_fewer_channels_mean_the_same(seed):
    rng = np.random.default_rng(seed)
    for number in rng.integers(0, 1 << 31, 20):
        graph = random_graph(int(number))
        trimmed = trim(graph, needs(graph))
        verify(trimmed, "quantised")
        assert needs(trimmed).macs == needs(graph).macs
        same_values(graph, trimmed)


def test_what_nobody_needs_keeps_no_name_with_other_values():
    """All that is left of the product are channels of padding."""
    net = Net((4, 5, 3))
    scale = net.conv(net.conv(net.op("mean", ("input",)), 6, (1, 1)), 3, (1, 1))
    x = net.op("pad", (net.op("mul", ("input", scale)),), channel_padding=(0, 4))
    graph = net.finish(net.op("slice", (x,), begin=4, size=2))
    trimmed = trim(graph, needs(graph))
    assert trimmed is not graph
    same_values(graph, trimmed)


def same_values(graph, trimmed):
    x = np.random.default_rng(1).integers(-128, 128, graph.tensors["input"].shape, np.int8)
    before, after = (golden.run(g.to_dict(), {"input": x}) for g in (graph, trimmed))
    for name in {*graph.outputs, *(before.keys() & after.keys())}:
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("preset", ("tiny", "edge256"))
@pytest.mark.parametrize("case", TRIMMED, ids=lambda c: c.__name__)
def test_the_array_does_only_what_is_needed(case, preset):
    ops = compile(case()[0], PRESETS[preset]).network.ops
    assert [op.done - op.macs for op in ops] == [0] * len(ops)


def test_channels_stay_where_words_are_fuller_with_them():
    """Without one of 16 channels of each part, both would have to be moved together."""
    net = Net((8, 8, 8))
    parts = [net.op("max_pool2d", (net.conv("input", 16, (1, 1)),), kernel=(3, 3)) for _ in "ab"]
    x = net.op("concatenation", tuple(parts))
    cut = tuple(net.op("slice", (x,), begin=b, size=15) for b in (0, 16))
    compiled = compile(net.finish(*cut), PRESETS["edge256"])
    assert "concatenation" not in {op.kind for op in compiled.network.ops}
    (note,) = mapping(compiled)["notes"]
    assert re.fullmatch(
        "channels that no output needs are computed: [0-9,]+ modelled cycles with them, "
        "[0-9,]+ without",
        note,
    )


def test_a_graph_that_fits_only_with_all_channels_keeps_them_and_says_so(monkeypatch):
    refuse_trimmed(monkeypatch, AllocationError("layer 'x': too large"))
    notes = mapping(compile(sliced_channels()[0], PRESETS["tiny"]))["notes"]
    reason = "layer 'x': too large"
    assert f"channels that no output needs are computed: without them, {reason}" in notes


def test_another_fault_of_a_graph_with_fewer_channels_is_not_hidden(monkeypatch):
    refuse_trimmed(monkeypatch, UnsupportedError("a fault of trim"))
    with pytest.raises(UnsupportedError, match="a fault of trim"):
        compile(sliced_channels()[0], PRESETS["tiny"])


def refuse_trimmed(monkeypatch, fault):
    scheduled = driver._scheduled

    def refusing(graph, needed, trimmed, *others):
        if trimmed is not None:
            raise fault
        return scheduled(graph, needed, trimmed, *others)

    monkeypatch.setattr(driver, "_scheduled", refusing)


def test_sets_of_elements_are_those_of_dense_arrays(seed):
    rng = np.random.default_rng(seed)
    for _ in range(50):
        size = tuple(map(int, rng.integers(1, 5, 3)))
        parts = [(rng.random(size[:2]) < 0.5, rng.random(size[2]) < 0.5) for _ in range(4)]
        cells = union(size, parts)
        dense = np.zeros(size, bool)
        for pixels, channels in parts:
            dense |= pixels[..., None] & channels
        found = np.zeros(size, int)
        for pixels, channels in cells.parts:
            found += pixels[..., None] & channels
        np.testing.assert_array_equal(found, dense)
        np.testing.assert_array_equal(cells.channels, dense.any((0, 1)))
        np.testing.assert_array_equal(cells.pixels, dense.any(2))
        weights, places = rng.integers(0, 9, size[2]), rng.integers(0, 9, size[:2])
        assert cells.weighed(weights) == (dense * weights).sum()
        assert cells.weighed(weights, places) == (dense * weights * places[..., None]).sum()
        flat = (1, 1, size[0] * size[1] * size[2])
        np.testing.assert_array_equal(cells.reshaped(flat).channels, dense.reshape(-1))


def test_the_pixels_reached_are_those_linked_with_any_output(generator):
    for _ in range(300):
        size, outputs, kernel, stride, dilation, before = generator.integers(
            1, [20, 20, 7, 7, 4, 9]
        )
        axis = windows.Axis(size, outputs, kernel, stride, dilation, before - 1)
        linked = windows.links(axis)
        np.testing.assert_array_equal(windows.reached(axis), linked.any(axis=1))
        for o in range(1, outputs - 1):
            places = o * stride - before + 1 + np.arange(max((kernel - 1) * dilation + 1, stride))
            inside = places[(places >= 0) & (places < size)]
            np.testing.assert_array_equal(np.flatnonzero(linked[:, o]), inside)
