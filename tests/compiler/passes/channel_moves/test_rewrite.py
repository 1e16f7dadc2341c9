"""Moves of channels that disappear into convolutions: when, into what, and golden's values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from compiler.codegen.compiled import Compiled
from compiler.codegen.program import encode_commands
from compiler.driver import compile
from compiler.ir.counts import macs
from compiler.ir.graph import Graph, Quant
from compiler.ir.verify import verify
from compiler.options import CompilerOptions
from compiler.passes.channel_moves.absorb import absorb
from compiler.passes.channel_moves.rewrite import route
from compiler.passes.needed import needs
from golden import network as golden
from hw.spec.config import PRESETS, with_values
from tests.compiler.codegen.hazard_checker import hazards
from tests.compiler.graphs import (
    Net,
    shuffle_unit,
)
from tests.compiler.test_values import check

TINY, EDGE256 = PRESETS["tiny"], PRESETS["edge256"]
SMALL = with_values(TINY, {"scratchpad_bytes": 128 * TINY.line_bytes})
MOVES = ("slice", "channel_shuffle", "concatenation", "pad")


def shuffle_net(channels: tuple[int, ...] = (14, 28), units: int = 4, size: int = 16) -> Graph:
    """ShuffleNetV2 in small: stages of units, the first of a stage with stride 2."""
    net = Net((size, size, 3))
    x = net.conv("input", 6, padding=(1, 1, 1, 1), activation="relu")
    for count in channels:
        x = net.conv(x, count, kernel=(1, 1))
        for index in range(units):
            x = shuffle_unit(net, x, stride=1 if index else 2)
    return net.finish(net.dense(net.conv(x, 10, kernel=(1, 1), activation="relu"), 5))


def padded_before_depthwise() -> Graph:
    """Stride 2 as converters from PyTorch write it, and pools, behind a shuffle."""
    net = Net((9, 7, 3))
    x = net.conv("input", 10, kernel=(1, 1))
    x = net.op(
        "channel_shuffle", (net.op("concatenation", (x, net.conv(x, 10, (1, 1)))),), groups=2
    )
    y = net.depthwise(net.op("pad", (x,), padding=(1, 1, 1, 1)), stride=(2, 2))
    z = net.pool("max_pool2d", x, (3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
    return net.finish(net.add(net.conv(y, 8, kernel=(1, 1)), net.conv(z, 8, kernel=(1, 1))))


def per_channel_scales() -> Graph:
    """Weights of one scale and biases without one, cut and put in another order."""
    graph = shuffle_net((22,), 3, 8)
    for name, tensor in graph.tensors.items():
        if tensor.dtype == "int32":
            graph.tensors[name] = dataclasses.replace(tensor, quant=None)
        elif name == graph.nodes[4].inputs[1]:
            assert tensor.quant is not None
            graph.tensors[name] = dataclasses.replace(
                tensor, quant=Quant((max(tensor.quant.scale),), (0,))
            )
    return graph


def functions_between(count: int = 11) -> Graph:
    """Functions of what is cut, one of another among them, and of what is in another order."""
    net = Net((9, 7, 3))
    a = net.function("silu", net.conv("input", count, kernel=(1, 1)))
    b = net.function("tanh", net.function("leaky_relu", net.conv("input", count, kernel=(1, 1))))
    x = net.op("channel_shuffle", (net.op("concatenation", (a, b)),), groups=2)
    parts = [net.op("slice", (x,), begin=begin, size=count) for begin in (0, count)]
    y = [net.conv(net.function("hard_swish", part), 6, kernel=(1, 1)) for part in parts]
    return net.finish(net.add(*y))


def rearranged() -> Graph:
    """A shuffle, an unaligned slice and padded channels of maps that others read as well."""
    net = Net((9, 7, 3))
    x = net.depthwise(net.conv("input", 24, kernel=(1, 1)))
    a = net.op("channel_shuffle", (x,), groups=6)
    b = net.op("slice", (x,), begin=10, size=13)
    c = net.op("pad", (x,), channel_padding=(3, 2))
    made = [net.conv(t, 8) for t in (a, b, c)]
    return net.finish(net.add(net.add(made[0], made[1]), made[2]), x)


def zeros_that_become_others() -> Graph:
    """Channels of the zero point before functions and a bias that make other values of them."""
    net, made = Net((9, 7, 3)), []
    for op in ("depthwise_conv2d", "sigmoid", "hard_sigmoid", "silu", "max_pool2d"):
        parts = tuple(net.conv("input", count, kernel=(1, 1)) for count in (5, 3))
        x = net.op("pad", (net.op("concatenation", parts),), channel_padding=(2, 3))
        if op == "depthwise_conv2d":
            x = net.depthwise(x, padding=(1, 1, 1, 1))
        elif op == "max_pool2d":
            x = net.pool(op, x, (3, 3), padding=(1, 1, 1, 1))
        else:
            x = net.function(op, x)
        made.append(net.conv(x, 6, kernel=(1, 1)))
    return net.finish(*made)


def sliced_input() -> Graph:
    net = Net((9, 7, 11))
    return net.finish(net.conv(net.op("slice", ("input",), begin=1, size=10), 5))


CASES = (
    shuffle_net,
    padded_before_depthwise,
    per_channel_scales,
    functions_between,
    rearranged,
    zeros_that_become_others,
    sliced_input,
)


@pytest.mark.parametrize(
    "config", (TINY, SMALL, EDGE256), ids=lambda c: f"{c.name}-{c.scratchpad_lines}"
)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_values_and_waits(case, config):
    graph = case()
    assert check(graph, config, False, 1)
    assert not hazards(encode_commands(compile(graph, config).commands, config), config)


@pytest.mark.parametrize("cols", (4, 16))
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_the_graph_stays_valid_and_means_the_same(case, cols):
    graph = case()
    routed = absorb(route(graph, cols), cols)
    verify(routed.graph, "quantised")
    x = np.random.default_rng(1).integers(-128, 128, graph.tensors["input"].shape).astype(np.int8)
    before, after = (golden.run(g.to_dict(), {"input": x}) for g in (graph, routed.graph))
    for name in before.keys() & after.keys():
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("config", (TINY, EDGE256), ids=lambda c: c.name)
def test_counts_are_the_network_s(case, config):
    graph = case()
    ops = compile(graph, config).network.ops
    assert sum(op.macs for op in ops) == needs(graph).macs <= sum(macs(graph).values())


def share_of_moves(compiled: Compiled) -> float:
    """The share of the cycles that passes which move channels take, as modelled."""
    cycles = [(p.site.op.macs, p.site.op.kind, p.compute) for p in compiled.plans]
    moves = sum(c for count, kind, c in cycles if not count and kind in MOVES)
    return moves / sum(c for *_, c in cycles)


def test_the_moves_of_shufflenet_cost_next_to_nothing():
    graph = shuffle_net((116,), 4, 56)
    assert share_of_moves(compile(graph, EDGE256)) < 0.03
    assert share_of_moves(compile(graph, EDGE256, CompilerOptions(materialize=True))) > 0.3


def test_only_channels_that_fill_no_word_take_a_pass():
    ops = compile(shuffle_net((58,)), EDGE256).network.ops
    kinds = {op.kind for op in ops}
    assert kinds == {"conv2d", "depthwise_conv2d", "fully_connected", "concatenation"}
    assert all(op.sparse for op in ops if op.kind == "concatenation")
    aligned = compile(shuffle_net((128,), 2, 8), EDGE256).network.ops
    assert "concatenation" not in {op.kind for op in aligned}


def test_functions_are_cut_with_their_convolution():
    ops = compile(functions_between(16), TINY).network.ops
    assert [op.kind for op in ops] == [
        *["conv2d+silu"] * 2,
        *["conv2d+leaky_relu+tanh"] * 2,
        *["hard_swish", "conv2d"],
        *["hard_swish", "conv2d+add"],
    ]


@pytest.mark.parametrize("case", (rearranged, sliced_input), ids=lambda c: c.__name__)
def test_convolutions_read_the_channels_where_they_lie(case):
    kinds = {op.kind for op in compile(case(), TINY).network.ops}
    assert not kinds & set(MOVES)


def test_a_small_part_of_a_large_map_is_moved_before_a_large_convolution():
    net = Net((9, 7, 3))
    whole = net.depthwise(net.conv("input", 64, (1, 1)))
    x = net.op("channel_shuffle", (whole,), groups=2)
    graph = net.finish(net.conv(net.op("slice", (x,), begin=0, size=4), 64), whole)
    kinds = [op.kind for op in compile(graph, TINY).network.ops]
    assert kinds[-2:] == ["channel_shuffle", "conv2d"] and check(graph, TINY, False, 1)


@pytest.mark.parametrize("reader", ("output", "add", "grouped", "other scale"))
def test_what_needs_the_order_gets_it(reader):
    net = Net((9, 7, 3))
    a, b = net.conv("input", 6, (1, 1)), net.conv("input", 6, (1, 1))
    x = net.op("channel_shuffle", (net.op("concatenation", (a, b)),), groups=2)
    y = net.conv(x, 8, (1, 1))
    extra = {
        "add": lambda: net.add(x, x),
        "grouped": lambda: net.conv(x, 6, (1, 1), groups=3),
    }.get(reader, lambda: x)()
    outputs = (y,) if reader == "other scale" else (y, extra)
    graph = net.finish(*outputs)
    if reader == "other scale":
        quant = graph.tensors[a].quant
        assert quant is not None
        graph.tensors[a] = dataclasses.replace(
            graph.tensors[a], quant=Quant((quant.scale[0] * 1.5,), quant.zero_point)
        )
    kinds = {op.kind for op in compile(graph, TINY).network.ops}
    assert kinds & set(MOVES) and check(graph, TINY, False, 1)


def test_materialize_moves_every_channel():
    graph = shuffle_net((14,), 2, 8)
    assert check(graph, TINY, True, 1) == len(graph.nodes)


def test_random_parameters_tie_what_slices_and_concatenations_share():
    graph = shuffle_net((14, 28), 3)
    stages: dict[int, set] = {}
    for node in graph.nodes:
        if node.op in MOVES:
            names = (*node.inputs, *node.outputs)
            height = graph.tensors[names[0]].shape[1]
            stages.setdefault(height, set()).update(graph.tensors[n].quant for n in names)
    assert [len(found) for found in stages.values()] == [1, 1]
