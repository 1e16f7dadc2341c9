"""Shuffles between convolutions of groups: which disappear, and golden's values."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.codegen.program import encode_commands
from compiler.driver import compile
from compiler.ir.counts import macs
from compiler.ir.graph import Graph
from compiler.ir.verify import verify
from compiler.passes.channel_moves.permute import permute
from compiler.passes.channel_moves.ungroup import ungroup
from golden import network as golden
from hw.spec.config import PRESETS
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY, EDGE256 = PRESETS["tiny"], PRESETS["edge256"]


def unit(net: Net, x: str, middle: int, groups: int, stride: int = 1, add: bool = True) -> str:
    """As in ShuffleNet V1: with stride 2 beside a pool of the input, else added to it."""
    channels = net.shape(x)[3]
    y = net.conv(x, middle, kernel=(1, 1), groups=groups, activation="relu")
    y = net.op("channel_shuffle", (y,), groups=groups)
    y = net.depthwise(y, stride=(stride, stride), padding=(1, 1, 1, 1))
    y = net.conv(y, channels, kernel=(1, 1), groups=groups)
    if stride == 2:
        kept = net.pool("avg_pool2d", x, (3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
        return net.op("concatenation", (kept, y))
    return net.add(y, x) if add else y


def units(channels: int = 48, middle: int = 36, groups: int = 3) -> Graph:
    net = Net((9, 7, 3))
    x = net.conv("input", channels, kernel=(1, 1))
    x = unit(net, unit(net, x, middle, groups), middle, groups, add=False)
    x = unit(net, unit(net, x, middle, groups, stride=2), middle, groups)
    return net.finish(net.conv(x, 5, kernel=(1, 1)))


@pytest.mark.parametrize(
    "config, graph",
    ((TINY, units()), (TINY, units(48, 48, 4)), (EDGE256, units(96, 135))),
    ids=("three", "four", "words of 16"),
)
def test_no_shuffle_is_left(config, graph):
    changed = ungroup(graph, config.cols)
    assert changed is not graph
    verify(changed, "quantised")
    assert sum(macs(changed).values()) == sum(macs(graph).values())
    x = np.random.default_rng(1).integers(-128, 128, graph.tensors["input"].shape).astype(np.int8)
    before, after = (golden.run(g.to_dict(), {"input": x}) for g in (graph, changed))
    for name in before.keys() & after.keys():
        np.testing.assert_array_equal(after[name], before[name])
    compiled = compile(graph, config)
    assert "channel_shuffle" not in {op.kind for op in compiled.network.ops}
    assert sum(op.macs for op in compiled.network.ops) == sum(macs(graph).values())
    assert not hazards(encode_commands(compiled.commands, config), config)
    assert check(graph, config, False, 1)


@pytest.mark.parametrize("case", ("narrow", "output", "input", "unaligned", "twice"))
def test_other_shuffles_stay(case):
    net = Net((9, 7, 48))
    x = "input" if case == "input" else net.conv("input", 48, kernel=(1, 1))
    if case == "unaligned":
        x = net.conv(x, 42, kernel=(1, 1))
    y = unit(net, x, 15 if case == "narrow" else 36, 3)
    shuffled = next(n.outputs[0] for n in net.nodes if n.op == "channel_shuffle")
    if case == "twice":
        y = net.add(y, net.conv(shuffled, net.shape(y)[3], kernel=(1, 1)))
    graph = net.finish(y, *([shuffled] if case == "output" else []))
    assert ungroup(graph, 4) is graph and check(graph, TINY, False, 1)


@pytest.mark.parametrize("case", ("chain", "sum"))
def test_of_two_shuffles_that_share_a_layer_one_stays(case):
    net = Net((5, 4, 3))
    x = net.conv("input", 48, kernel=(1, 1))
    if case == "sum":
        y = net.add(*(unit(net, x, 36, 3, add=False) for _ in range(2)))
    else:
        y = net.conv(x, 36, kernel=(1, 1), groups=3)
        for channels in (36, 48):
            y = net.depthwise(net.op("channel_shuffle", (y,), groups=3), padding=(1, 1, 1, 1))
            y = net.conv(y, channels, kernel=(1, 1), groups=3)
    graph = net.finish(net.conv(y, 5, kernel=(1, 1)))
    changed = ungroup(graph, 4)
    assert changed is not graph
    verify(changed, "quantised")
    assert check(graph, TINY, False, 1)


@pytest.mark.parametrize("function", ("", "silu"))
def test_a_convolution_of_all_channels_makes_them_in_the_other_order(function):
    net = Net((9, 7, 3))
    a = net.conv("input", 12, kernel=(1, 1))
    x = net.op("channel_shuffle", (net.function(function, a) if function else a,), groups=3)
    y = net.conv(net.depthwise(x), 6, kernel=(1, 1), groups=3)
    graph = net.finish(y, x)
    verify(permute(graph), "quantised")
    assert "channel_shuffle" not in {op.kind for op in compile(graph, TINY).network.ops}
    assert check(graph, TINY, False, 1) == 2
    shared = net.finish(y, x, a)
    assert permute(shared) is shared
