"""Spaces between channels: which moves they save, and golden's values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from compiler.codegen.program import encode_commands
from compiler.driver import compile
from compiler.ir.counts import macs
from compiler.ir.graph import Graph, Quant
from compiler.ir.verify import verify
from compiler.passes.channel_moves.rewrite import Routed
from compiler.passes.channel_moves.spread import spread
from compiler.passes.needed import needs
from golden import network as golden
from hw.spec.config import PRESETS
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import Net
from tests.compiler.test_values import check

TINY, EDGE256 = PRESETS["tiny"], PRESETS["edge256"]
MOVES = ("slice", "concatenation")


def cut(net: Net, x: str, *sizes: int) -> list[str]:
    begins = [sum(sizes[:i]) for i in range(len(sizes))]
    return [net.op("slice", (x,), begin=b, size=s) for b, s in zip(begins, sizes, strict=True)]


def weighed(net: Net, x: str) -> str:
    """Squeeze and excitation."""
    y = net.function("silu", net.conv(net.op("mean", (x,)), 5, kernel=(1, 1)))
    return net.op("mul", (x, net.function("sigmoid", net.conv(y, net.shape(x)[3], kernel=(1, 1)))))


def ghosts(count: int = 21) -> Graph:
    """GhostNet in small: a map beside a depthwise convolution of it, strides, excitation."""
    net = Net((11, 7, 3))
    x = net.conv("input", 8, kernel=(1, 1))
    for stride in (1, 2):
        a = net.conv(x, count, kernel=(1, 1), activation="relu")
        b = net.depthwise(a, padding=(1, 1, 1, 1), activation="relu")
        y = net.op("concatenation", (a, b))
        y = net.depthwise(y, stride=(stride, stride), padding=(1, 1, 1, 1))
        x = net.conv(weighed(net, y), 8, kernel=(1, 1))
    return net.finish(net.conv(x, 5))


def mixed(sizes: tuple[int, ...] = (10, 9, 11)) -> Graph:
    """MixNet in small: kernels of several sizes over parts of a map, and parts of convolutions."""
    net = Net((9, 7, 3))
    x = net.conv("input", 14, kernel=(1, 1))
    halves = [net.conv(half, sum(sizes) // 2, kernel=(1, 1)) for half in cut(net, x, 6, 8)]
    x = net.function("silu", net.op("concatenation", tuple(halves)))
    parts = [
        net.depthwise(part, kernel=(k, k), padding=(k // 2,) * 4)
        for part, k in zip(cut(net, x, *sizes), (3, 5, 7), strict=True)
    ]
    y = weighed(net, net.op("concatenation", tuple(parts)))
    return net.finish(net.conv(y, 7, kernel=(1, 1)), net.op("mean", (net.conv(y, 6),)))


def other_scales() -> Graph:
    """A part with a scale of its own."""
    graph = mixed()
    name = next(n.outputs[0] for n in graph.nodes if n.op == "depthwise_conv2d")
    quant = graph.tensors[name].quant
    assert quant is not None
    other = Quant((quant.scale[0] * 1.5,), (quant.zero_point[0] // 2 - 3,))
    graph.tensors[name] = dataclasses.replace(graph.tensors[name], quant=other)
    return graph


def padded_and_pooled() -> Graph:
    """Spaces through pads, pools, sums and a requantisation, read by a grown kernel."""
    net = Net((9, 7, 3))
    a, b = (net.conv("input", count, kernel=(1, 1)) for count in (17, 5))
    a, b = net.depthwise(a), net.depthwise(b)
    x = net.op("concatenation", (a, b))
    y = net.pool("max_pool2d", net.op("pad", (x,), padding=(1, 2, 0, 1)), (3, 3))
    z = net.depthwise(x, kernel=(2, 3), padding=(1, 1, 1, 0))
    z = net.op("quantize", (net.add(y, z),))
    return net.finish(net.conv(z, 40, kernel=(1, 1)), net.conv(z, 3, kernel=(3, 3)))


def twice() -> Graph:
    """A tensor beside itself."""
    net = Net((2, 7, 6))
    x = net.conv("input", 3, kernel=(1, 1))
    return net.finish(net.conv(net.op("concatenation", (x, x)), 17, kernel=(1, 1)))


CASES = (ghosts, mixed, other_scales, padded_and_pooled, twice)


@pytest.mark.parametrize("config", (TINY, EDGE256), ids=lambda c: c.name)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_values_waits_and_counts(case, config):
    graph = case()
    assert check(graph, config, False, 1)
    compiled = compile(graph, config)
    assert not hazards(encode_commands(compiled.commands, config), config)
    assert sum(op.macs for op in compiled.network.ops) == sum(macs(graph).values())


@pytest.mark.parametrize("cols", (4, 16))
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_the_graph_stays_valid_and_means_the_same(case, cols):
    graph = case()
    found = spread(Routed(graph), cols)
    verify(found.graph, "quantised")
    assert needs(found.graph, found.added, found.moves).macs == needs(graph).macs
    x = np.random.default_rng(1).integers(-128, 128, graph.tensors["input"].shape).astype(np.int8)
    before, after = (golden.run(g.to_dict(), {"input": x}) for g in (graph, found.graph))
    for name in before.keys() & after.keys():
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("graph", (ghosts(), mixed((40, 36, 44))), ids=("ghosts", "mixed"))
def test_no_pass_is_left(graph):
    kinds = {op.kind for op in compile(graph, EDGE256).network.ops}
    assert not kinds & set(MOVES)


@pytest.mark.parametrize("reader", ("output", "shuffle", "grouped"))
def test_what_needs_the_order_gets_it(reader):
    net = Net((9, 7, 3))
    a, b = (net.depthwise(net.conv("input", 6, kernel=(1, 1))) for _ in range(2))
    x = net.op("concatenation", (a, b))
    y = net.conv(x, 8, kernel=(1, 1))
    extra = {
        "shuffle": lambda: net.depthwise(net.op("channel_shuffle", (x,), groups=3)),
        "grouped": lambda: net.conv(x, 6, kernel=(1, 1), groups=3),
    }.get(reader, lambda: x)()
    graph = net.finish(y, extra)
    assert spread(Routed(graph), 4).graph is graph and check(graph, TINY, False, 2)


def test_a_small_gain_is_not_bought_with_large_sums():
    """Two channels a word would make four words of two, for every addition."""
    net = Net((9, 7, 3))
    parts = [
        net.depthwise(net.conv("input", 2, kernel=(1, 1)), padding=(1, 1, 1, 1)) for _ in range(4)
    ]
    x = net.op("concatenation", tuple(parts))
    for _ in range(3):
        x = net.add(x, net.conv("input", 8, kernel=(1, 1)))
    graph = net.finish(net.conv(x, 5))
    assert spread(Routed(graph), 16).graph is graph
